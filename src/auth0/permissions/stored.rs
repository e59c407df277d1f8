//! Answers in key-value, for the other instances. See `docs/storage.md`.

use std::rc::Rc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::memory::{Answer, Key};
use crate::host::Host;

/// The largest record that is looked at, in bytes.
const MAX_RECORD_BYTES: usize = 256 * 1024;

/// What is in key-value, if it can be read.
pub(super) async fn read(host: &dyn Host, key: &Key) -> Option<Rc<Answer>> {
    let record = host.get(&name(key)).await.ok().flatten()?;
    if record.len() > MAX_RECORD_BYTES {
        return None;
    }
    let record: Value = serde_json::from_slice(&record).ok()?;
    let asked_at = record.get("asked_at")?.as_u64()?;
    let user_exists = record.get("user_exists")?.as_bool()?;
    let names = record.get("names")?.as_array()?;
    let names: Option<Vec<String>> =
        names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
    Some(Rc::new(Answer { user_exists, ..Answer::new(asked_at, names?) }))
}

/// A store that fails costs the other instances a request, and nobody an answer.
pub(super) async fn write(host: &dyn Host, key: &Key, answer: &Answer) {
    let record = json!({
        "asked_at": answer.asked_at,
        "names": answer.names,
        "user_exists": answer.user_exists,
    });
    if let Err(failure) = host.set(&name(key), record.to_string().as_bytes()).await {
        host.log(&format!("key-value: cannot remember permissions: {}", failure.0));
    }
}

fn name(key: &Key) -> String {
    format!("doorward:v1:permissions:{}", encoded(key))
}

pub(super) fn encoded(key: &Key) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(key)
}
