//! The lists of the Management API, which come in pages.
//!
//! There is more as long as an answer says so, by its `next` or by its `start`, `limit` and
//! `total`. Pages may be smaller than requested, and a total that counts only the rows of its page
//! ends no list. A list that does not end as it says is an error, and never a shorter list.

use doorward_core::host::PortFuture;
use serde_json::Value;
use url::form_urlencoded;

use super::{ManagementApi, ManagementError, Sent};

/// How many rows are requested at once; the Management API allows no more.
const PAGE_SIZE: u64 = 100;

/// How many pages are read at most. A list of more pages is an error.
const MAX_PAGES: usize = 20;

/// A list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List<'a> {
    /// Its path below `/api/v2/`, perhaps with a query.
    pub(crate) path: &'a str,
    /// The member of each answer that holds its rows.
    pub(crate) rows: &'a str,
    /// What the client needs for it.
    pub(crate) scope: &'static str,
    /// Whether each answer names the next page (`next`). Others have page numbers.
    pub(crate) has_checkpoints: bool,
}

/// All rows of a list.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) rows: Vec<Value>,
    /// When the first page was requested.
    pub(crate) sent: Option<Sent>,
}

/// Which page is requested.
#[derive(Debug, PartialEq, Eq)]
enum Page {
    /// The one from row `start` on, a multiple of `size`.
    Numbered { start: u64, size: u64 },
    /// The one that the answer before named; `None` for the first.
    Checkpoint(Option<String>),
}

impl ManagementApi<'_> {
    /// Reads all rows of a list, unless `is_needed` says otherwise after waiting for a permit.
    ///
    /// # Errors
    ///
    /// Returns [`ManagementError`] if there is no usable response for one of the pages.
    pub(crate) async fn rows<'n>(
        &self,
        list: &List<'_>,
        is_needed: &dyn Fn() -> PortFuture<'n, bool>,
    ) -> Result<Option<Rows>, ManagementError> {
        let (mut all, mut sent) = (Rows { rows: Vec::new(), sent: None }, None);
        let mut page = match list.has_checkpoints {
            true => Page::Checkpoint(None),
            false => Page::Numbered { start: 0, size: PAGE_SIZE },
        };
        for number in 0..MAX_PAGES {
            let path = page.path(list.path);
            let json = match number {
                0 => self.read_if(&path, list.scope, is_needed).await?,
                _ => Some(self.read(&path, list.scope).await?),
            };
            let Some(json) = json else { return Ok(None) };
            sent = sent.or(self.last_sent());
            let next = page.read(list.rows, json, &mut all.rows);
            match next.ok_or(ManagementError::Malformed)? {
                Some(next) => page = next,
                None => return Ok(Some(Rows { sent, ..all })),
            }
        }
        Err(ManagementError::Malformed)
    }
}

impl Page {
    fn path(&self, list: &str) -> String {
        let separator = if list.contains('?') { '&' } else { '?' };
        match self {
            Self::Numbered { start, size } => {
                let number = start.checked_div(*size).unwrap_or_default();
                format!("{list}{separator}per_page={size}&page={number}&include_totals=true")
            }
            Self::Checkpoint(from) => {
                let mut query = form_urlencoded::Serializer::new(String::new());
                query.append_pair("take", &PAGE_SIZE.to_string());
                if let Some(from) = from {
                    query.append_pair("from", from);
                }
                format!("{list}{separator}{}", query.finish())
            }
        }
    }

    /// Reads an answer: its rows, and which page is next. `None` if it is not an answer to this
    /// request.
    fn read(&self, name: &str, mut json: Value, all: &mut Vec<Value>) -> Option<Option<Self>> {
        let Value::Array(rows) = json.get_mut(name)?.take() else { return None };
        let count = u64::try_from(rows.len()).ok().filter(|count| *count <= PAGE_SIZE)?;
        all.extend(rows);
        let read = u64::try_from(all.len()).ok()?;
        let (start, size) = match self {
            Self::Numbered { start, size } => (*start, *size),
            Self::Checkpoint(from) => {
                let next = match json.get("next") {
                    None | Some(Value::Null) => return Some(None),
                    Some(next) => next.as_str()?.to_owned(),
                };
                let is_another = !next.is_empty() && from.as_ref() != Some(&next);
                return is_another.then_some(Some(Self::Checkpoint(Some(next))));
            }
        };
        // Without a start or a limit, an answer is as requested; `include_totals` asks for a total.
        let said = |name: &str| match json.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(number) => number.as_u64().map(Some),
        };
        let (said_start, limit, total) = (said("start")?, said("limit")?, said("total")??);
        if said_start.is_some_and(|said| said != start) || limit == Some(0) {
            return None;
        }
        let size = limit.map_or(size, |limit| limit.min(size));
        let is_missing_some = read < total;
        if count == 0 || count < size && !is_missing_some {
            return (!is_missing_some).then_some(None);
        }
        // Pages are numbered by their size, so the next one has to begin at a multiple of it.
        let size = (1..=size).rev().find(|size| read.checked_rem(*size) == Some(0))?;
        Some(Some(Self::Numbered { start: read, size }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The pages that are requested of a list with `rows` rows, and how many rows are read. The
    /// list answers with `answer` (start, per page).
    fn read(answer: impl Fn(u64, u64) -> Value) -> (Vec<(u64, u64)>, Option<usize>) {
        let (mut requested, mut rows) = (Vec::new(), Vec::new());
        let mut page = Page::Numbered { start: 0, size: PAGE_SIZE };
        while requested.len() < MAX_PAGES {
            let Page::Numbered { start, size } = page else { panic!("it has numbers") };
            requested.push((start, size));
            match page.read("roles", answer(start, size), &mut rows) {
                None => return (requested, None),
                Some(None) => return (requested, Some(rows.len())),
                Some(Some(next)) => page = next,
            }
        }
        (requested, None)
    }

    /// So many of the rows from `start` on.
    fn rows(total: u64, start: u64, at_most: u64) -> Vec<u64> {
        (start..total).take(usize::try_from(at_most).unwrap()).collect()
    }

    #[test]
    fn all_rows_are_read_however_large_the_pages_are() {
        for total in [0, 1, 50, 99, 100, 101, 150, 200, 250] {
            let whole = |start, size| json!({ "start": start, "limit": size, "total": total, "roles": rows(total, start, size) });
            let total_only =
                |start, size| json!({ "total": total, "roles": rows(total, start, size) });
            // The API gives at most 50, and says so or not.
            let fifty = |start, size: u64| {
                let limit = size.min(50);
                json!({ "start": start, "limit": limit, "total": total, "roles": rows(total, start, limit) })
            };
            let silent_fifty = |start, size: u64| json!({ "total": total, "roles": rows(total, start, size.min(50)) });
            // The total is that of the page.
            let of_page = |start, size| {
                let rows = rows(total, start, size);
                json!({ "start": start, "limit": size, "total": rows.len(), "roles": rows })
            };
            let answers: [&dyn Fn(u64, u64) -> Value; 5] =
                [&whole, &total_only, &fifty, &silent_fifty, &of_page];
            for (number, answer) in answers.into_iter().enumerate() {
                let (requested, read) = read(answer);
                assert_eq!(read, usize::try_from(total).ok(), "{number}: {requested:?}");
            }
        }
    }

    #[test]
    fn a_list_that_is_not_what_it_says_is_an_error_and_not_a_shorter_list() {
        let answers: [&dyn Fn(u64, u64) -> Value; 10] = [
            &|_, _| json!({ "total": 5, "roles": [] }),
            &|_, _| json!({ "total": 1_000_000_000, "roles": [] }),
            // It begins somewhere else than requested.
            &|_, size| json!({ "start": 0, "total": 300, "roles": rows(300, 0, size) }),
            &|start, size| json!({ "start": start + 1, "total": 300, "roles": rows(300, start, size) }),
            &|_, _| json!({ "limit": 0, "total": 0, "roles": [] }),
            &|_, _| json!({ "total": "5", "roles": [] }),
            &|_, _| json!({ "total": 0 }),
            &|_, _| json!({ "roles": [] }),
            // It has more rows than requested.
            &|start, _| json!({ "total": 101, "roles": rows(101, start, 101) }),
            // It has no end.
            &|start, size| json!({ "total": 100, "roles": rows(u64::MAX, start, size) }),
        ];
        for (number, answer) in answers.into_iter().enumerate() {
            assert_eq!(read(answer).1, None, "{number}");
        }
    }

    #[test]
    fn checkpoints_are_followed_to_the_last_page() {
        let mut all = Vec::new();
        let mut next = |page: &Page, json| page.read("roles", json, &mut all);
        let first = Page::Checkpoint(None);
        let second = Page::Checkpoint(Some("a b".to_owned()));
        let more = json!({ "roles": [1], "next": "a b" });
        assert_eq!(
            next(&first, more.clone()),
            Some(Some(Page::Checkpoint(Some("a b".to_owned()))))
        );
        assert_eq!(next(&second, more), None, "it leads back");
        assert_eq!(
            next(&second, json!({ "roles": [], "next": "c" })).map(|it| it.is_some()),
            Some(true)
        );
        assert_eq!(next(&second, json!({ "roles": [2], "next": null })), Some(None));
        assert_eq!(next(&second, json!({ "roles": [2] })), Some(None));
        assert_eq!(next(&second, json!({ "roles": [2], "next": 7 })), None);
        assert_eq!(second.path("users/1/x?y=1"), "users/1/x?y=1&take=100&from=a+b");
    }
}
