//! Plain HTTP: which request goes where, who may ask from a browser, and the one place where answers leave.

mod admission;
mod answer;
mod body;
mod cors;
mod events;
mod landing;
mod page;
mod route;

pub use admission::{AdmissionRefused, admit};
pub use answer::{Answer, AnswerBody};
pub use body::{BodyFault, MAX_BODY_BYTES, read_body};
pub(crate) use cors::parse_origin;
pub use cors::{Origin, OriginRefused, preflight};
pub use events::EventStream;
pub use landing::landing_page;
pub(crate) use page::{Escaped, page};
pub(crate) use route::MCP_PATH;
pub use route::{Preflighted, Route, RouteFault};
