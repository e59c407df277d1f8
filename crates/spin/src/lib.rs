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

pub use doorward_server::{Server, Settings, declared_variables, prelude};

#[cfg(feature = "testing")]
pub use doorward_server::testing;

#[cfg(target_family = "wasm")]
mod wasi03;

/// What [`component!`] expands to uses these.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod macro_support {
    pub use spin_sdk;

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
/// It expands to nothing on other targets than Wasm.
#[macro_export]
macro_rules! component {
    ($server:expr) => {
        #[cfg(target_family = "wasm")]
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
    };
}
