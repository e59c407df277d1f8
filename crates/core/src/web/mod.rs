//! HTTP, as far as every part that answers requests needs it: answers and their bodies, reading a
//! request's body, pages for people, and server-sent events.

mod answer;
mod body;
mod events;
mod page;

pub use answer::{AllowOrigin, Answer, AnswerBody};
pub use body::{BodyError, MAX_BODY_BYTES, read_body};
pub use events::EventStream;
pub use page::{Escaped, page};
