//! Links the component without padding.
//!
//! Each call in the component names its target by a number, and the linker reserves the size of the
//! largest for all of them. The padding is a tenth of the component unless it is told to remove it.
//! It cannot do that if there is debug information, so that is stripped here: `strip` in the
//! profile has no effect on a package with a profile of its own. A profiler needs the names of the
//! functions: `DOORWARD_NAMES` keeps them.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DOORWARD_NAMES");
    let is = |variable: &str, value: &str| env::var(variable).is_ok_and(|it| it == value);
    let is_small = is("CARGO_CFG_TARGET_FAMILY", "wasm") && is("PROFILE", "release");
    if is_small && env::var_os("DOORWARD_NAMES").is_none() {
        println!("cargo::rustc-link-arg-cdylib=--compress-relocations");
        println!("cargo::rustc-link-arg-cdylib=--strip-all");
    }
}
