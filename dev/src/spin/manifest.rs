//! Adapts the manifest to the path of the component.

use std::{
    fs, io,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// Returns a manifest with which Spin runs `component`: the checked-in one if its path is right, or
/// a copy in `folder` with the path of the `.wasm` (`CARGO_TARGET_DIR` can put it anywhere). Files
/// that are not below the manifest are copied there as well, because Spin takes no others.
pub(super) fn for_component(
    manifest: &Path,
    name: &str,
    component: &Path,
    folder: &Path,
) -> io::Result<PathBuf> {
    let home = std::path::absolute(manifest.parent().unwrap_or(Path::new(".")))?;
    let mut table: Table = fs::read_to_string(manifest)?.parse().map_err(io::Error::other)?;
    make_absolute(&mut table, &home);
    let is_outside = |file: &Table| {
        let source = file.get("source").and_then(Value::as_str);
        source.is_some_and(|source| !Path::new(source).starts_with(&home))
    };
    let mut moved = files(&mut table).any(|(_, file)| is_outside(file));
    let components = table.get_mut("component").and_then(Value::as_table_mut).into_iter().flatten();
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
    for (number, (id, file)) in files(&mut table).enumerate() {
        if let Some(Value::String(source)) = file.get_mut("source")
            && Path::new(source).is_file()
        {
            let copy = format!("{id}-{number}");
            fs::copy(&*source, folder.join(&copy))?;
            *source = copy;
        }
    }
    let copy = folder.join("spin.toml");
    fs::write(&copy, toml::to_string(&table).map_err(io::Error::other)?)?;
    Ok(copy)
}

/// The files of all components, each with the component's name.
fn files(manifest: &mut Table) -> impl Iterator<Item = (&str, &mut Table)> {
    let components = manifest.get_mut("component").and_then(Value::as_table_mut);
    components.into_iter().flatten().flat_map(|(id, component)| {
        let files = component.get_mut("files").and_then(Value::as_array_mut);
        let files = files.into_iter().flatten().filter_map(Value::as_table_mut);
        files.map(|file| (id.as_str(), file))
    })
}

/// Makes the paths of the components and of their files absolute.
pub(crate) fn make_absolute(manifest: &mut Table, home: &Path) {
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
    fn files_that_are_not_below_the_manifest_are_copied_because_spin_takes_no_others() {
        let (folder, manifest) = project();
        let elsewhere = tempfile::tempdir().expect("a temporary folder");
        let api = elsewhere.path().join("api.json");
        fs::write(&api, "{}").expect("the file is written");
        let file = format!("[{{ source = {api:?}, destination = \"openapi.json\" }}]");
        fs::write(&manifest, MANIFEST.replace(r#"["api.json"]"#, &file)).expect("it is written");
        let state = tempfile::tempdir().expect("a temporary folder");
        let component = folder.path().join("target/doorward.wasm");
        let copy = for_component(&manifest, "doorward", &component, state.path())
            .expect("the manifest is copied");
        assert_eq!(copy, state.path().join("spin.toml"));
        let copied: Table =
            fs::read_to_string(copy).expect("the copy is there").parse().expect("the copy is TOML");
        let file = &copied["component"]["other"]["files"][0];
        assert_eq!(file["destination"].as_str(), Some("openapi.json"));
        let source = state.path().join(file["source"].as_str().expect("a path"));
        assert_eq!(fs::read_to_string(source).expect("it was copied"), "{}");
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
