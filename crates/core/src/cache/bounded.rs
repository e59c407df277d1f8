//! A map that is bounded in number and weight; the entry that was inserted first gives way.

use std::{borrow::Borrow, collections::HashMap, hash::Hash};

/// A map whose oldest entry gives way.
#[derive(Debug)]
pub struct Bounded<K, V> {
    entries: HashMap<K, Held<V>>,
    max_entries: usize,
    max_weight: usize,
    weight: usize,
    /// How many entries were ever inserted.
    inserted: u64,
}

#[derive(Debug)]
struct Held<V> {
    value: V,
    weight: usize,
    number: u64,
}

impl<K: Eq + Hash + Clone, V> Bounded<K, V> {
    /// An empty map that holds at most `max_entries`, whose weights add up to at most `max_weight`.
    #[must_use]
    pub fn new(max_entries: usize, max_weight: usize) -> Self {
        Self { entries: HashMap::new(), max_entries, max_weight, weight: 0, inserted: 0 }
    }

    /// The value of `key`.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).map(|held| &held.value)
    }

    /// The value of `key`, to be changed.
    pub fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.entries.get_mut(key).map(|held| &mut held.value)
    }

    /// Sets the value of `key`. Entries that were inserted earlier give way if there are too many.
    pub fn insert(&mut self, key: K, value: V, weight: usize) {
        let number = self.inserted;
        self.inserted = number.saturating_add(1);
        let replaced = self.entries.insert(key, Held { value, weight, number });
        self.weight = self.weight.saturating_add(weight);
        self.weight = self.weight.saturating_sub(replaced.map_or(0, |held| held.weight));
        while self.entries.len() > self.max_entries || self.weight > self.max_weight {
            let oldest = self.entries.iter().min_by_key(|(_, held)| held.number);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else { break };
            self.remove(&key);
        }
    }

    /// Removes `key`.
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let held = self.entries.remove(key)?;
        self.weight = self.weight.saturating_sub(held.weight);
        Some(held.value)
    }

    /// How many entries it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_that_was_inserted_first_gives_way() {
        let mut map = Bounded::new(2, usize::MAX);
        for key in ["a", "b", "c"] {
            map.insert(key, key, 0);
        }
        assert_eq!((map.get("a"), map.get("b"), map.get("c")), (None, Some(&"b"), Some(&"c")));
        // Inserting it again makes it the newest.
        map.insert("b", "b", 0);
        map.insert("d", "d", 0);
        assert_eq!((map.get("b"), map.get("c"), map.len()), (Some(&"b"), None, 2));
    }

    #[test]
    fn weights_are_bounded_as_well() {
        let mut map = Bounded::new(10, 100);
        map.insert("a", (), 60);
        map.insert("a", (), 40);
        map.insert("b", (), 60);
        assert_eq!(map.len(), 2, "a replaced entry weighs nothing");
        map.insert("c", (), 60);
        assert!(map.get("a").is_none() && map.get("b").is_none() && map.len() == 1);
        map.insert("d", (), 101);
        assert!(map.is_empty(), "an entry beyond the bound is not held");
        assert_eq!(map.weight, 0);
    }
}
