//! The component's exported HTTP handler: Doorward with its four tools, and any other server by the same means.

/// Exports the HTTP handler of a component: what this expression makes is the server of an instance. It holds what may be
/// shared by all callers, and nothing of any one of them.
///
/// ```
/// # use doorward::tools::server;
/// doorward::component!(server());
/// ```
///
/// Built for another target than Wasm it is nothing.
#[macro_export]
macro_rules! component {
    ($server:expr) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            use ::std::{rc::Rc, result::Result};

            use $crate::spin_sdk::wasip3::{
                exports::http::handler::Guest,
                http::types::{ErrorCode, Request, Response},
            };

            ::std::thread_local! {
                static SERVER: Rc<$crate::server::Server> = Rc::new($server);
            }

            // Not `#[http_service]`: that answers 500 by itself to a request that Rust's types cannot hold.
            struct Component;

            $crate::spin_sdk::wasip3::http::service::export!(Component);

            impl Guest for Component {
                async fn handle(request: Request) -> Result<Response, ErrorCode> {
                    $crate::spin::serve(SERVER.with(Rc::clone), request).await
                }
            }
        };
    };
}

#[cfg(feature = "component")]
component!(crate::tools::server());
