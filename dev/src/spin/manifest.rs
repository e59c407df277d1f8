//! Adapts the manifest to the path of the component.

use std::{
    fs, io,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// Returns a manifest with which Spin runs `component`: the checked-in one if its path is right, or
/// a copy in `folder` with the path of the `.wasm` (`CARGO_TARGET_DIR` can put it anywhere).
pub(super) fn for_component(
    manifest: &Path,
    name: &str,
    component: &Path,
    folder: &Path,
) -> io::Result<PathBuf> {
    let home = std::path::absolute(manifest.parent().unwrap_or(Path::new(".")))?;
    let mut table: Table = fs::read_to_string(manifest)?.parse().map_err(io::Error::other)?;
    make_absolute(&mut table, &home);
    let components = table.get_mut("component").and_then(Value::as_table_mut).into_iter().flatten();
    let mut moved = false;
    for (id, entry) in components {
        let Some(source) = entry.get_mut("source") else {
            continue;
        };
        // Leave a remote source, which is a table, unchanged.
        let Some(path) = source.as_str().map(PathBuf::from) else {
            continue;
        };
        let target = if id == name { component } else { path.as_path() };
        moved |= !same_file(target, &path);
        *source = Value::String(std::path::absolute(target)?.to_string_lossy().into_owned());
    }
    if !moved {
        return Ok(manifest.to_owned());
    }
    let copy = folder.join("spin.toml");
    fs::write(&copy, toml::to_string(&table).map_err(io::Error::other)?)?;
    Ok(copy)
}

/// Makes the paths of the components and of their files absolute.
fn make_absolute(manifest: &mut Table, home: &Path) {
    let absolute = |path: &str| home.join(path).to_string_lossy().into_owned();
    let components = manifest.get_mut("component").and_then(Value::as_table_mut);
    for (_, component) in components.into_iter().flatten() {
        if let Some(Value::String(source)) = component.get_mut("source") {
            *source = absolute(source);
        }
        let files = component.get_mut("files").and_then(Value::as_array_mut);
        for file in files.into_iter().flatten() {
            if let Some(Value::String(source)) = file.get_mut("source") {
                *source = absolute(source);
            } else if let Some(path) = file.as_str() {
                let placed = [("source", absolute(path)), ("destination", path.to_owned())];
                let placed = placed.map(|(name, path)| (name.to_owned(), Value::String(path)));
                *file = Value::Table(placed.into_iter().collect());
            }
        }
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    one == other
        || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const MANIFEST: &str = r#"
spin_manifest_version = 2
[component.doorward]
source = "target/doorward.wasm"
allowed_outbound_hosts = ["https://{{ auth0_domain }}"]
[component.other]
source = "other.wasm"
files = ["api.json"]
[component.remote]
source = { url = "https://example.com/a.wasm", digest = "sha256:0" }
"#;

    fn project() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("target")).expect("a target folder");
        fs::write(folder.path().join("target/doorward.wasm"), "")
            .expect("the component is written");
        let manifest = folder.path().join("spin.toml");
        fs::write(&manifest, MANIFEST).expect("the manifest is written");
        (folder, manifest)
    }

    #[test]
    fn a_component_at_the_path_of_the_manifest_needs_no_copy() {
        let (folder, manifest) = project();
        let component = folder.path().join("target/../target/doorward.wasm");
        let used = for_component(&manifest, "doorward", &component, folder.path())
            .expect("the manifest is read");
        assert_eq!(used, manifest);
    }

    #[test]
    fn a_component_elsewhere_is_named_in_a_copy_of_the_manifest() {
        let (folder, manifest) = project();
        let elsewhere = tempfile::tempdir().expect("a temporary folder");
        let component = elsewhere.path().join("doorward.wasm");
        let copy = for_component(&manifest, "doorward", &component, elsewhere.path())
            .expect("the manifest is copied");
        assert_eq!(copy, elsewhere.path().join("spin.toml"));
        let copied: Table =
            fs::read_to_string(copy).expect("the copy is there").parse().expect("the copy is TOML");
        let path = |path: PathBuf| Value::String(path.to_string_lossy().into_owned());
        assert_eq!(copied["component"]["doorward"]["source"], path(component));
        assert_eq!(copied["component"]["other"]["source"], path(folder.path().join("other.wasm")));
        let file = &copied["component"]["other"]["files"][0];
        assert_eq!(file["source"], path(folder.path().join("api.json")));
        assert_eq!(file["destination"].as_str(), Some("api.json"));
        assert_eq!(copied["component"]["remote"]["source"]["digest"].as_str(), Some("sha256:0"));
        assert_eq!(
            copied["component"]["doorward"]["allowed_outbound_hosts"][0].as_str(),
            Some("https://{{ auth0_domain }}")
        );
    }
}
