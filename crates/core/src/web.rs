//! HTTP, as far as every part that serves it needs it: answers and their bodies, the bodies of
//! requests, headers with one value, media types, pages for people, and server-sent events.

mod answer;
mod body;
mod events;
mod header;
mod media_type;
mod page;

pub use answer::{AllowOrigin, Answer, AnswerBody};
pub use body::{BODY_TIMEOUT, BodyError, read_body};
pub use events::EventStream;
pub use header::{HeaderError, one_copy, single_line, single_value};
pub use media_type::is_json;
pub use page::{Escaped, page};
