//! The bill of materials, in the format of CycloneDX 1.6.

use crate::{Crate, Id, Inventory};
use serde_json::{Map, Value, json};

impl Inventory {
    /// The bill of materials (SBOM) as CycloneDX 1.6 in JSON. Crates that only run while the
    /// component is built have the scope `excluded`. The same source gives the same text.
    pub fn bill_of_materials(&self) -> Value {
        let component = &self.component;
        let mut metadata = json!({
            "lifecycles": [{ "phase": "build" }],
            "component": {
                "type": "application",
                "bom-ref": reference(component),
                "name": component.id.name,
                "version": component.id.version,
                "licenses": [{ "expression": component.license }],
            },
        });
        if let (Some(time), Some(metadata)) = (&self.committed, metadata.as_object_mut()) {
            metadata.insert("timestamp".to_owned(), json!(time));
        }
        let standard_library = json!({
            "type": "library",
            "bom-ref": self.standard_library(),
            "name": "rust-std",
            "version": self.toolchain,
            "description": "Rust's standard library, with the C library for WASI that it contains",
            "scope": "required",
            "licenses": [{ "expression": "MIT OR Apache-2.0" }],
            "purl": self.standard_library(),
        });
        let components: Vec<Value> =
            self.crates.values().map(entry).chain([standard_library]).collect();
        let mut dependencies = vec![json!({ "ref": self.standard_library(), "dependsOn": [] })];
        for it in self.crates.values() {
            dependencies.push(json!({ "ref": reference(it), "dependsOn": self.dependencies(it) }));
        }
        let mut named = self.dependencies(component);
        named.push(self.standard_library());
        dependencies.push(json!({ "ref": reference(component), "dependsOn": named }));
        json!({
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": metadata,
            "components": components,
            "dependencies": dependencies,
        })
    }

    fn dependencies(&self, of: &Crate) -> Vec<String> {
        let crates = of.depends_on.iter().filter_map(|id| self.crates.get(id));
        crates.map(reference).collect()
    }

    fn standard_library(&self) -> String {
        format!("pkg:generic/rust-std@{}", self.toolchain)
    }
}

fn entry(it: &Crate) -> Value {
    let mut entry = Map::new();
    let mut add = |key: &str, value: Value| entry.insert(key.to_owned(), value);
    add("type", json!("library"));
    add("bom-ref", json!(reference(it)));
    if !it.authors.is_empty() {
        let authors = it.authors.iter().map(|name| json!({ "name": name }));
        add("authors", authors.collect());
    }
    add("name", json!(it.id.name));
    add("version", json!(it.id.version));
    add("scope", json!(if it.is_linked { "required" } else { "excluded" }));
    if let Some(checksum) = &it.checksum {
        add("hashes", json!([{ "alg": "SHA-256", "content": checksum }]));
        add("purl", json!(reference(it)));
    }
    add("licenses", json!([{ "expression": it.license }]));
    if let Some(url) = &it.repository {
        add("externalReferences", json!([{ "type": "vcs", "url": url }]));
    }
    Value::Object(entry)
}

/// The package URL of a crate from the registry. A crate of this repository is in no registry.
fn reference(Crate { id: Id { name, version }, checksum, .. }: &Crate) -> String {
    match checksum {
        Some(_) => format!("pkg:cargo/{name}@{}", version.replace('+', "%2B")),
        None => format!("{name}@{version}"),
    }
}
