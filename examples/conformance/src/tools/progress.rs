//! A tool that takes a while and says how far it is, and one that would log if servers still did.

use std::time::Duration;

use doorward_spin::prelude::*;

use super::NoArguments;

pub(super) fn tools() -> Vec<Tool> {
    vec![
        Tool::new("test_tool_with_progress", report)
            .description("Takes a tenth of a second and reports its progress")
            .reports_progress(),
        Tool::new("test_logging_tool", quiet).description("Returns text and logs nothing"),
    ]
}

async fn report(context: &Context, _: NoArguments) -> Result<String, CallError> {
    let total = Some(100.0);
    context.report_progress(0.0, total, Some("Started"));
    context.sleep(Duration::from_millis(50)).await;
    context.report_progress(50.0, total, Some("Half of it is done"));
    context.sleep(Duration::from_millis(50)).await;
    context.report_progress(100.0, total, Some("Done"));
    Ok("The tool ran to its end.".into())
}

async fn quiet(_: &Context, _: NoArguments) -> Result<String, CallError> {
    Ok("The tool ran and logged nothing.".into())
}
