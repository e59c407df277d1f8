//! `get_datetime`: the time in UTC.

use chrono::{DateTime, SecondsFormat};
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
}

async fn call(context: &Context, _: NoArguments) -> Result<ToolOutput<CurrentTime>, CallError> {
    let datetime = i64::try_from(context.now_millis())
        .ok()
        .and_then(DateTime::from_timestamp_millis)
        .map(|now| now.to_rfc3339_opts(SecondsFormat::Millis, true))
        .ok_or_else(|| CallError::new("The server's clock is wrong."))?;
    Ok(ToolOutput { text: datetime.clone(), structured: CurrentTime { datetime } })
}
