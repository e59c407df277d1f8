//! `spin:key-value` and `fermyon:spin/key-value`, in memory.

mod blocking_store;

use crate::bindings::{Spin, key_value};
use crate::blocking;
use crate::instance::Instance;
use key_value::Error;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

/// The contents of one store, by key.
pub type Contents = BTreeMap<String, Vec<u8>>;

/// All stores of a host, by label. Clones share them; they are lost when the host ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stores(Arc<Mutex<BTreeMap<String, OpenStore>>>);

/// A store that a component opened.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
#[derive(Clone, Debug, Default)]
pub struct OpenStore(Arc<Mutex<Contents>>);

impl Stores {
    /// Returns the store with this label, creating an empty one if it does not exist.
    fn open(&self, label: &str) -> OpenStore {
        let mut stores = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stores.entry(label.to_owned()).or_default().clone()
    }

    /// Returns a copy of all stores, by label.
    pub(crate) fn snapshot(&self) -> BTreeMap<String, Contents> {
        let stores = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let copy =
            |(label, store): (&String, &OpenStore)| (label.clone(), store.with(|c| c.clone()));
        stores.iter().map(copy).collect()
    }

    /// Removes all keys of all stores.
    pub(crate) fn clear(&self) {
        let stores = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stores.values().for_each(|store| store.with(BTreeMap::clear));
    }
}

impl OpenStore {
    fn with<R>(&self, f: impl FnOnce(&mut Contents) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl key_value::Host for &mut Instance {}

impl key_value::HostStore for &mut Instance {
    fn drop(&mut self, store: Resource<OpenStore>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}

impl<T: Send> key_value::HostStoreWithStore<T> for Spin {
    async fn open(
        accessor: &Accessor<T, Self>,
        label: String,
    ) -> Result<Resource<OpenStore>, Error> {
        accessor.with(|mut access| {
            let instance = access.get();
            if !instance.application.granted_stores.contains(&label) {
                return Err(Error::AccessDenied);
            }
            let store = blocking::in_place(|| instance.application.stores.open(&label));
            let store = instance.table.push(store);
            store.map_err(|error| Error::Other(error.to_string()))
        })
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        store: Resource<OpenStore>,
        key: String,
    ) -> Result<Option<Vec<u8>>, Error> {
        let store = find(accessor, &store)?;
        Ok(blocking::in_place(|| store.with(|contents| contents.get(&key).cloned())))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        store: Resource<OpenStore>,
        key: String,
        value: Vec<u8>,
    ) -> Result<(), Error> {
        let store = find(accessor, &store)?;
        blocking::in_place(|| store.with(|contents| contents.insert(key, value)));
        Ok(())
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        store: Resource<OpenStore>,
        key: String,
    ) -> Result<(), Error> {
        let store = find(accessor, &store)?;
        blocking::in_place(|| store.with(|contents| contents.remove(&key)));
        Ok(())
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        store: Resource<OpenStore>,
        key: String,
    ) -> Result<bool, Error> {
        let store = find(accessor, &store)?;
        Ok(blocking::in_place(|| store.with(|contents| contents.contains_key(&key))))
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        store: Resource<OpenStore>,
    ) -> wasmtime::Result<(StreamReader<String>, FutureReader<Result<(), Error>>)> {
        let found = find(accessor, &store);
        let keys =
            found.as_ref().map(|store| store.with(|contents| contents.keys().cloned().collect()));
        let keys: Vec<String> = keys.unwrap_or_default();
        let result = found.map(drop);
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, keys)?;
            let result =
                FutureReader::new(&mut access, async move { wasmtime::error::Ok(result) })?;
            Ok((keys, result))
        })
    }
}

fn find<T>(accessor: &Accessor<T, Spin>, store: &Resource<OpenStore>) -> Result<OpenStore, Error> {
    accessor.with(|mut access| match access.get().table.get(store) {
        Ok(store) => Ok(store.clone()),
        Err(_) => Err(Error::NoSuchStore),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_visible_through_every_handle_of_its_store() {
        let stores = Stores::default();
        stores
            .open("default")
            .with(|contents| contents.insert("key".to_owned(), b"value".to_vec()));
        let seen = stores.open("default").with(|contents| contents.get("key").cloned());
        assert_eq!(seen.as_deref(), Some(b"value".as_slice()));
    }

    #[test]
    fn a_snapshot_has_all_stores_and_does_not_change_later() {
        let stores = Stores::default();
        let store = stores.open("default");
        store.with(|contents| contents.insert("key".to_owned(), b"before".to_vec()));
        let snapshot = stores.snapshot();
        store.with(|contents| contents.insert("key".to_owned(), b"after".to_vec()));
        assert_eq!(snapshot["default"]["key"], b"before");
        assert_eq!(stores.snapshot()["default"]["key"], b"after");
    }

    #[test]
    fn a_store_that_was_cleared_is_empty_for_those_who_opened_it_before() {
        let stores = Stores::default();
        let store = stores.open("default");
        store.with(|contents| contents.insert("key".to_owned(), b"value".to_vec()));
        stores.clear();
        assert_eq!(store.with(|contents| contents.len()), 0);
    }
}
