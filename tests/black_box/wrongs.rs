//! The faults that the answer of a service behind the server can have.

use std::time::Duration;

use doorward_tenant::{Fault, What};

/// All faults, each with a name for the messages of failing tests.
pub(crate) fn all() -> Vec<(&'static str, Fault)> {
    vec![
        ("slow", Fault::delay(Duration::from_secs(8))),
        ("400", Fault::text(400, "{}")),
        ("401", Fault::text(401, "{}")),
        ("403", Fault::text(403, "{}")),
        ("404", Fault::text(404, "{}")),
        ("429", Fault::text(429, "{}").header("retry-after", "1")),
        ("500", Fault::text(500, "{}")),
        ("503", Fault::new(What::Html { status: 503 })),
        ("garbage", Fault::new(What::Malformed)),
        ("of another shape", Fault::text(200, "[1, {\"items\": null}]")),
        ("cut off", Fault::new(What::Truncated)),
        ("closed", Fault::close()),
        ("oversized", Fault::new(What::Oversized { bytes: 1024 * 1024 + 1 })),
        ("redirected", Fault::new(What::Redirect { location: "https://evil.example/".into() })),
    ]
}
