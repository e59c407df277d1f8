//! Doorward on Spin: the one crate that a server's component depends on. It has the adapter for the
//! host, the macro that exports a server, and everything that an author of tools needs.
//!
//! ```
//! use doorward_spin::prelude::*;
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Arguments {
//!     /// Whom to greet.
//!     name: String,
//! }
//!
//! async fn greet(_: &Context, arguments: Arguments) -> Result<String, CallError> {
//!     Ok(format!("Hello, {}!", arguments.name))
//! }
//!
//! fn server() -> Server {
//!     let info = ServerInfo { name: "greeter", title: "Greeter", version: "1.0.0" };
//!     let tool = Tool::new("greet", greet).description("Greets somebody by name.");
//!     Server::new(info, Registry::new().with(tool))
//! }
//!
//! doorward_spin::component!(server());
//! ```
//!
//! A tool gets everything that the caller's token says, but not the token:
//!
//! ```compile_fail,E0624
//! fn leak(context: &doorward_spin::prelude::Context) -> &doorward_spin::prelude::Secret {
//!     context.caller().token()
//! }
//! ```

pub use doorward_server::{Server, ServerSettings, declared_variables, prelude};

#[cfg(feature = "testing")]
pub use doorward_server::testing;

#[cfg(target_family = "wasm")]
mod collect;
#[cfg(target_family = "wasm")]
mod head;
#[cfg(target_family = "wasm")]
mod log;
#[cfg(any(target_family = "wasm", test))]
mod random;
#[cfg(target_family = "wasm")]
mod request_buffer;
#[cfg(all(target_family = "wasm", target_env = "p1"))]
mod wasi02;
#[cfg(all(target_family = "wasm", target_env = "p2"))]
mod wasi03;

/// What [`component!`] expands to uses these. The target chooses the host: `wasm32-wasip2` is
/// WASI 0.3, `wasm32-wasip1` is WASI 0.2.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod macro_support {
    #[cfg(target_env = "p2")]
    pub use spin_sdk;

    #[cfg(target_env = "p1")]
    pub use crate::wasi02::{bindings, serve};
    #[cfg(target_env = "p2")]
    pub use crate::wasi03::serve;
}

/// Exports the HTTP handler of a component. The expression builds the instance's [`Server`], which
/// must hold no per-caller state.
///
/// ```
/// # use doorward_spin::prelude::*;
/// # fn server() -> Server {
/// #     let info = ServerInfo { name: "example", title: "Example", version: "1.0.0" };
/// #     Server::new(info, Registry::new())
/// # }
/// doorward_spin::component!(server());
/// ```
///
/// The target chooses the host: `wasm32-wasip2` builds for WASI 0.3, `wasm32-wasip1` for WASI 0.2.
/// On other targets than Wasm it expands to nothing.
#[macro_export]
macro_rules! component {
    ($server:expr) => {
        #[cfg(all(target_family = "wasm", target_env = "p2"))]
        const _: () = {
            use ::std::{rc::Rc, result::Result};

            use $crate::macro_support::spin_sdk::wasip3::{
                exports::http::handler::Guest,
                http::types::{ErrorCode, Request, Response},
            };

            ::std::thread_local! {
                static SERVER: Rc<$crate::Server> = Rc::new($server);
            }

            // Not `#[http_service]`, which answers 500 to a request that Rust's types cannot hold.
            struct Component;

            $crate::macro_support::spin_sdk::wasip3::http::service::export!(Component);

            impl Guest for Component {
                async fn handle(request: Request) -> Result<Response, ErrorCode> {
                    $crate::macro_support::serve(SERVER.with(Rc::clone), request).await
                }
            }
        };

        #[cfg(all(target_family = "wasm", target_env = "p1"))]
        const _: () = {
            use $crate::macro_support::bindings::{
                http::types::{IncomingRequest, ResponseOutparam},
                incoming_handler::Guest,
            };

            struct Component;

            $crate::macro_support::bindings::export!(
                Component with_types_in $crate::macro_support::bindings
            );

            impl Guest for Component {
                fn handle(request: IncomingRequest, response: ResponseOutparam) {
                    $crate::macro_support::serve(::std::rc::Rc::new($server), request, response);
                }
            }
        };
    };
}
