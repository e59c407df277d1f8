//! Results on their way out: JSON from the beginning, with no tree of values in between.

use std::ops::Range;

use serde::Serialize;

use super::envelope::Id;

/// The members of a result. They are sent in the order of their names, in whichever order they come.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// The values, in the order in which they came.
    json: Vec<u8>,
    /// The names, sorted, and where their values are.
    places: Vec<(&'static str, Range<usize>)>,
}

impl Members {
    /// Begins with this member.
    pub(super) fn with<T: Serialize + ?Sized>(name: &'static str, value: &T) -> Self {
        let mut members = Self::default();
        members.insert(name, value);
        members
    }

    /// Adds a member that is not there yet. Its name needs no escapes.
    ///
    /// Serializing our own types cannot fail; should it ever, the member is left out.
    pub(super) fn insert<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        let start = self.json.len();
        match serde_json::to_writer(&mut self.json, value) {
            Ok(()) => self.place(name, start),
            Err(_) => self.json.truncate(start),
        }
    }

    /// Adds a list of what is JSON already.
    pub(super) fn insert_list(&mut self, name: &'static str, items: &[&str]) {
        let start = self.json.len();
        self.json.push(b'[');
        for item in items {
            if self.json.len() > start + 1 {
                self.json.push(b',');
            }
            self.json.extend_from_slice(item.as_bytes());
        }
        self.json.push(b']');
        self.place(name, start);
    }

    /// Whether a member is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.places.iter().any(|(known, _)| *known == name)
    }

    /// The response that has these members as its result.
    pub(super) fn response(&self, id: &Id) -> Vec<u8> {
        // Enough for all values, and for names with their punctuation.
        let mut json = Vec::with_capacity(64 + self.json.len() + 32 * self.places.len());
        json.extend_from_slice(b"{\"id\":");
        // Into memory this cannot fail.
        serde_json::to_writer(&mut json, id).unwrap_or_default();
        json.extend_from_slice(b",\"jsonrpc\":\"2.0\",\"result\":{");
        for (index, (name, place)) in self.places.iter().enumerate() {
            json.extend_from_slice(if index == 0 { b"\"" } else { b",\"" });
            json.extend_from_slice(name.as_bytes());
            json.extend_from_slice(b"\":");
            json.extend_from_slice(self.json.get(place.clone()).unwrap_or(b"null"));
        }
        json.extend_from_slice(b"}}");
        json
    }

    fn place(&mut self, name: &'static str, start: usize) {
        let position = self.places.iter().take_while(|(known, _)| *known < name).count();
        self.places.insert(position, (name, start..self.json.len()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn response(members: &Members, id: &str) -> String {
        String::from_utf8(members.response(&Id::String(id.to_owned()))).unwrap()
    }

    #[test]
    fn members_are_sent_in_the_order_of_their_names_whichever_came_first() {
        let mut members = Members::with("tools", &json!([{ "b": 1, "a": "\"" }]));
        members.insert("_meta", &json!({}));
        members.insert("resultType", "complete");
        members.insert("isError", &false);
        assert_eq!(
            response(&members, "\u{1}\""),
            r#"{"id":"\u0001\"","jsonrpc":"2.0","result":{"_meta":{},"isError":false,"resultType":"complete","tools":[{"a":"\"","b":1}]}}"#
        );
    }

    #[test]
    fn a_result_without_members_is_an_object_and_a_list_without_items_a_list() {
        let mut members = Members::default();
        assert_eq!(response(&members, "a"), r#"{"id":"a","jsonrpc":"2.0","result":{}}"#);
        members.insert_list("none", &[]);
        members.insert_list("two", &["1", "{}"]);
        assert_eq!(
            response(&members, "a"),
            r#"{"id":"a","jsonrpc":"2.0","result":{"none":[],"two":[1,{}]}}"#
        );
    }

    #[test]
    fn what_cannot_be_json_is_left_out_and_leaves_nothing_behind() {
        let unfit = std::collections::BTreeMap::from([((), 1)]);
        let mut members = Members::with("unfit", &unfit);
        members.insert("fit", &1);
        assert!(!members.has("unfit") && members.has("fit"));
        assert_eq!(response(&members, "a"), r#"{"id":"a","jsonrpc":"2.0","result":{"fit":1}}"#);
    }
}
