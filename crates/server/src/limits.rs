//! Callers with too many requests or calls: how they are counted, and what they are answered.

use doorward_core::{
    access::{Item, ItemKind},
    web::Answer,
};
use doorward_mcp::{MethodResult, Rejected, RpcError, ToolResult};
use doorward_oauth::{Exceeded, LimitReason, Use};
use http::{StatusCode, header};

use crate::request::CallerRequest;

impl CallerRequest {
    /// Counts a request of the caller. It waits for the store only if this instance knows nothing
    /// of the caller yet, or if the caller is near a limit.
    ///
    /// # Errors
    ///
    /// Returns after how many seconds to try again, if there were too many. That is in the audit
    /// log.
    pub(crate) async fn count(&self) -> Result<(), u64> {
        let limits = &self.environment.settings.limits;
        let reason = |index| limits.reason_of(&self.caller, index);
        self.count_uses(limits.uses_of(&self.caller), &reason, None).await
    }

    /// Counts a call of a tool.
    ///
    /// # Errors
    ///
    /// See [`count`](Self::count).
    pub(crate) async fn count_call(&self, tool: &str) -> Result<(), u64> {
        match self.environment.settings.limits.use_of_tool(&self.caller, tool) {
            None => Ok(()),
            Some((reason, used)) => {
                let item = Item { kind: ItemKind::Tool, name: tool };
                self.count_uses(&[used], &|_| Some(reason), Some(item)).await
            }
        }
    }

    async fn count_uses(
        &self,
        uses: &[Use],
        reason: &dyn Fn(usize) -> Option<LimitReason>,
        item: Option<Item<'_>>,
    ) -> Result<(), u64> {
        let environment = &self.environment;
        let counted = environment.memory.limiter.take(&environment.store(), uses).await;
        counted.map_err(|Exceeded { index, retry_after }| {
            if let Some(reason) = reason(index) {
                self.log(&reason, item);
            }
            retry_after
        })
    }
}

/// The answer to a request of a caller with too many: 429 (RFC 6585), with a body that JSON-RPC
/// clients understand.
pub(crate) fn too_many_requests(retry_after: u64) -> Answer {
    let error = too_many(retry_after).with_status(StatusCode::TOO_MANY_REQUESTS);
    Answer::from(Rejected::from(error)).with(header::RETRY_AFTER, &retry_after.to_string())
}

/// The error of a request in a batch with too many.
pub(crate) fn too_many(retry_after: u64) -> RpcError {
    RpcError::failed(format!("Too many requests. {}", try_again(retry_after)))
        .with_retry_after(retry_after)
}

/// The result of a tool that was called too often.
pub(crate) fn called_too_often(tool: &str, retry_after: u64) -> MethodResult {
    let text = format!("The '{tool}' tool was called too often. {}", try_again(retry_after));
    MethodResult::from(ToolResult::error(text)).with_retry_after(retry_after)
}

fn try_again(retry_after: u64) -> String {
    format!("Try again in {retry_after} s.")
}

#[cfg(test)]
mod tests;
