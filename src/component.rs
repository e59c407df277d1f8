//! The component's exported HTTP handler: Doorward with its four tools.

use std::rc::Rc;

use spin_sdk::wasip3::{
    exports::http::handler::Guest,
    http::types::{ErrorCode, Request, Response},
};

use crate::{server::Server, spin, tools};

thread_local! {
    /// The server of this instance. It holds what may be shared by all callers, and nothing of any one of them.
    static SERVER: Rc<Server> = Rc::new(tools::server());
}

/// Not `#[http_service]`: that answers 500 by itself to a request that Rust's types cannot hold.
struct Component;

spin_sdk::wasip3::http::service::export!(Component);

impl Guest for Component {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        spin::serve(SERVER.with(Rc::clone), request).await
    }
}
