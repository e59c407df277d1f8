//! The tools, with the names that the suite requires.

mod content;
mod input;
mod progress;
mod rounds;
mod schema;

use doorward_spin::prelude::*;

pub(crate) fn register(registry: Registry) -> Registry {
    let tools =
        [content::tools(), progress::tools(), input::tools(), rounds::tools(), schema::tools()];
    tools.into_iter().flatten().fold(registry, Registry::with)
}
