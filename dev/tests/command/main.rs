//! The program from the outside: what it prints, and how it ends.
#![cfg(unix)]

mod program;
mod serve;
mod spin;
mod trial;
