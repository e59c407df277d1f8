//! A map with a bound on the number and weight of its entries, which evicts the oldest.

use std::{
    borrow::Borrow,
    hash::{BuildHasher, Hash, RandomState},
};

/// A bounded map that evicts the entries that were inserted first.
///
/// The hashes of its keys are searched one after the other. With some hundred entries that takes
/// less than a microsecond, and unlike a hash table it needs hardly any code for each type.
#[derive(Debug)]
pub struct Bounded<K, V> {
    hasher: RandomState,
    /// The hash of each entry's key.
    hashes: Vec<u64>,
    /// Oldest first.
    entries: Vec<Held<K, V>>,
    max_entries: usize,
    max_weight: usize,
    weight: usize,
}

#[derive(Debug)]
struct Held<K, V> {
    key: K,
    value: V,
    weight: usize,
}

impl<K: Eq + Hash, V> Bounded<K, V> {
    /// An empty map that holds at most `max_entries`, whose weights add up to at most `max_weight`.
    #[must_use]
    pub fn new(max_entries: usize, max_weight: usize) -> Self {
        let (hashes, entries) = (Vec::new(), Vec::new());
        Self { hasher: RandomState::new(), hashes, entries, max_entries, max_weight, weight: 0 }
    }

    /// The value of `key`.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(self.position(key)?).map(|held| &held.value)
    }

    /// The value of `key`, to be changed.
    pub fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let position = self.position(key)?;
        self.entries.get_mut(position).map(|held| &mut held.value)
    }

    /// Sets the value of `key`, and evicts the oldest entries if there are too many.
    pub fn insert(&mut self, key: K, value: V, weight: usize) {
        self.remove(&key);
        self.hashes.push(self.hasher.hash_one(&key));
        self.entries.push(Held { key, value, weight });
        self.weight = self.weight.saturating_add(weight);
        while self.entries.len() > self.max_entries || self.weight > self.max_weight {
            self.remove_at(0);
        }
    }

    /// Removes `key`.
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let position = self.position(key)?;
        Some(self.remove_at(position))
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

    fn position<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        let is_at =
            |at| self.entries.get(at).is_some_and(|held: &Held<K, V>| held.key.borrow() == key);
        let mut hashes = self.hashes.iter().enumerate();
        hashes.find_map(|(at, it)| (*it == hash && is_at(at)).then_some(at))
    }

    /// Removes an entry that there is.
    fn remove_at(&mut self, position: usize) -> V {
        self.hashes.remove(position);
        let held = self.entries.remove(position);
        self.weight = self.weight.saturating_sub(held.weight);
        held.value
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
