//! `get_datetime`: the time in UTC.

use chrono::SecondsFormat;
use doorward_spin::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Serialize, JsonSchema)]
struct CurrentTime {
    /// The date and time in UTC, as ISO 8601 with milliseconds.
    datetime: String,
}

pub(super) fn tool() -> Tool {
    Tool::new("get_datetime", call)
        .title("Get DateTime")
        .description("Returns the current UTC date and time")
        .public()
}

async fn call(context: &Context, _: NoArguments) -> Result<ToolOutput<CurrentTime>, CallError> {
    let datetime = context.now()?.to_rfc3339_opts(SecondsFormat::Millis, true);
    Ok(ToolOutput { text: datetime.clone(), structured: CurrentTime { datetime } })
}
