//! The component's exported HTTP handler: Doorward with its four tools.

use std::rc::Rc;

use spin_sdk::{
    http_service,
    wasip3::http::types::{ErrorCode, Request, Response},
};

use crate::{server::Server, spin, tools};

thread_local! {
    /// The server of this instance. It holds what may be shared by all callers, and nothing of any one of them.
    static SERVER: Rc<Server> = Rc::new(tools::server());
}

#[http_service]
async fn handle(request: Request) -> Result<Response, ErrorCode> {
    spin::serve(SERVER.with(Rc::clone), request).await
}
