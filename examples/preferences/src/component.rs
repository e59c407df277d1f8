//! The component's exported HTTP handler.

use std::rc::Rc;

use doorward::{server::Server, spin};
use spin_sdk::wasip3::{
    exports::http::handler::Guest,
    http::types::{ErrorCode, Request, Response},
};

thread_local! {
    static SERVER: Rc<Server> = Rc::new(crate::server());
}

struct Component;

spin_sdk::wasip3::http::service::export!(Component);

impl Guest for Component {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        spin::serve(SERVER.with(Rc::clone), request).await
    }
}
