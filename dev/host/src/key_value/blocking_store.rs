//! The same stores for WASI 0.2, whose functions block.

use super::OpenStore;
use crate::bindings::blocking_interfaces::key_value::{self, Error};
use crate::blocking;
use crate::instance::Instance;
use wasmtime::component::Resource;

impl key_value::Host for &mut Instance {}

impl key_value::HostStore for &mut Instance {
    fn open(&mut self, label: String) -> Result<Resource<OpenStore>, Error> {
        if !self.application.granted_stores.contains(&label) {
            return Err(Error::AccessDenied);
        }
        let store = blocking::in_place(|| self.application.stores.open(&label));
        self.table.push(store).map_err(|error| Error::Other(error.to_string()))
    }

    fn get(&mut self, store: Resource<OpenStore>, key: String) -> Result<Option<Vec<u8>>, Error> {
        let store = self.store(&store)?;
        Ok(blocking::in_place(|| store.with(|contents| contents.get(&key).cloned())))
    }

    fn set(
        &mut self,
        store: Resource<OpenStore>,
        key: String,
        value: Vec<u8>,
    ) -> Result<(), Error> {
        let store = self.store(&store)?;
        blocking::in_place(|| store.with(|contents| contents.insert(key, value)));
        Ok(())
    }

    fn delete(&mut self, store: Resource<OpenStore>, key: String) -> Result<(), Error> {
        let store = self.store(&store)?;
        blocking::in_place(|| store.with(|contents| contents.remove(&key)));
        Ok(())
    }

    fn exists(&mut self, store: Resource<OpenStore>, key: String) -> Result<bool, Error> {
        let store = self.store(&store)?;
        Ok(blocking::in_place(|| store.with(|contents| contents.contains_key(&key))))
    }

    fn get_keys(&mut self, store: Resource<OpenStore>) -> Result<Vec<String>, Error> {
        let store = self.store(&store)?;
        Ok(blocking::in_place(|| store.with(|contents| contents.keys().cloned().collect())))
    }

    fn drop(&mut self, store: Resource<OpenStore>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}

impl Instance {
    fn store(&self, store: &Resource<OpenStore>) -> Result<OpenStore, Error> {
        self.table.get(store).cloned().map_err(|_| Error::NoSuchStore)
    }
}
