use super::*;
use crate::Reuse;
use std::sync::atomic::{AtomicU32, Ordering};

/// The header of every component.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// A temporary folder with an application.
struct Application(PathBuf);

impl Application {
    /// Creates an application. Its component is `wasm`; `None` leaves the file out.
    fn new(wasm: Option<&[u8]>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("doorward-host-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let manifest = r#"
            spin_manifest_version = 2
            application.name = "example"
            variables.domain = { required = true }
            [[trigger.http]]
            route = "/..."
            component = "example"
            [component.example]
            source = "example.wasm"
            allowed_outbound_hosts = ["https://{{ domain }}"]
            build.command = "make example"
        "#;
        std::fs::write(folder.join("spin.toml"), manifest).unwrap();
        if let Some(wasm) = wasm {
            std::fs::write(folder.join("example.wasm"), wasm).unwrap();
        }
        Self(folder)
    }

    fn options(&self) -> Options {
        Options {
            manifest: self.0.join("spin.toml"),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            variables: BTreeMap::from([("domain".to_owned(), "tenant.example".to_owned())]),
            reuse: Reuse::default(),
            limits: crate::Limits::default(),
            component: None,
            log: crate::Log::default(),
        }
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Starts the application and returns the error.
async fn start_error(options: Options) -> StartError {
    Host::start(options).await.unwrap_err()
}

#[tokio::test]
async fn a_missing_manifest_is_named() {
    let application = Application::new(None);
    let manifest = application.0.join("other.toml");
    let error = start_error(Options { manifest: manifest.clone(), ..application.options() }).await;
    assert!(matches!(&error, StartError::ManifestNotFound(path) if *path == manifest), "{error}");
    assert!(error.to_string().contains("other.toml"), "{error}");
}

#[tokio::test]
async fn an_invalid_manifest_is_named_with_what_is_wrong() {
    let application = Application::new(None);
    let options = application.options();
    std::fs::write(&options.manifest, "spin_manifest_version = 2\nsurplus = 1").unwrap();
    let error = start_error(options).await.to_string();
    assert!(error.contains("spin.toml") && error.contains("surplus"), "{error}");
}

#[tokio::test]
async fn a_missing_required_variable_is_named() {
    let application = Application::new(Some(COMPONENT));
    let options = Options { variables: BTreeMap::new(), ..application.options() };
    let error = start_error(options).await.to_string();
    assert_eq!(error, r#"no provider resolved required variable(s): ["domain"]"#);
}

#[tokio::test]
async fn an_allowed_host_that_is_invalid_in_the_manifest_is_named() {
    let application = Application::new(Some(COMPONENT));
    let options = application.options();
    let manifest = std::fs::read_to_string(&options.manifest).unwrap();
    let manifest = manifest.replace("{{ domain }}", "tenant.example/path");
    std::fs::write(&options.manifest, manifest).unwrap();
    let error = start_error(options).await.to_string();
    assert!(error.contains("https://tenant.example/path"), "{error}");
}

#[tokio::test]
async fn an_allowed_host_that_a_value_makes_malformed_is_logged_and_does_not_prevent_the_start() {
    let application = Application::new(Some(COMPONENT));
    let variables = BTreeMap::from([("domain".to_owned(), "not a host".to_owned())]);
    let log = crate::CapturedLog::default();
    let options =
        Options { variables, log: crate::Log::Capture(log.clone()), ..application.options() };
    // The component of these tests has no handler, which is checked later.
    let error = start_error(options).await;
    assert!(matches!(&error, StartError::NoHandler { .. }), "{error}");
    assert!(log.text().contains("`domain`"), "{}", log.text());
    assert!(!log.text().contains("not a host"), "{}", log.text());
}

#[tokio::test]
async fn a_missing_component_comes_with_the_command_that_builds_it() {
    let application = Application::new(None);
    let error = start_error(application.options()).await.to_string();
    assert!(error.contains("example.wasm"), "{error}");
    assert!(error.ends_with("build it with `make example`"), "{error}");
}

#[tokio::test]
async fn another_component_may_be_given() {
    let application = Application::new(Some(b"not this one"));
    let component = application.0.join("other.wasm");
    std::fs::write(&component, COMPONENT).unwrap();
    let options = Options { component: Some(component), ..application.options() };
    let error = start_error(options).await.to_string();
    assert!(error.contains("other.wasm"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_not_a_component_is_refused() {
    let application = Application::new(Some(b"not Wasm"));
    let error = start_error(application.options()).await;
    assert!(matches!(&error, StartError::InvalidComponent { .. }), "{error}");
}

/// It becomes a component, as on Spin.
#[tokio::test]
async fn a_module_without_an_http_handler_is_refused() {
    let module = Application::new(Some(b"\0asm\x01\0\0\0"));
    let error = start_error(module.options()).await;
    assert!(matches!(&error, StartError::NoHandler { .. }), "{error}");
}

#[tokio::test]
async fn a_component_without_an_http_handler_is_refused() {
    let application = Application::new(Some(COMPONENT));
    let error = start_error(application.options()).await;
    assert!(matches!(&error, StartError::NoHandler { .. }), "{error}");
    assert!(error.to_string().contains("wasi:http/handler@0.3"), "{error}");
}

#[tokio::test]
async fn an_import_that_the_host_lacks_is_named() {
    let name = b"other:thing/api@1.0.0";
    let mut wasm = COMPONENT.to_vec();
    // A type section: a function without parameters and result, and an instance that exports it
    // as "f".
    wasm.extend(b"\x07\x0e\x01\x42\x02\x01\x40\x00\x01\x00\x04\x00\x01f\x01\x00");
    // An import section with one such instance.
    wasm.extend([0x0a, name.len() as u8 + 5, 1, 0, name.len() as u8]);
    wasm.extend(name);
    wasm.extend([5, 0]);
    let application = Application::new(Some(&wasm));
    let error = start_error(application.options()).await;
    assert!(matches!(&error, StartError::MissingImport { .. }), "{error}");
    assert!(error.to_string().contains("other:thing/api@1.0.0"), "{error}");
}

#[tokio::test]
async fn a_busy_port_is_named() {
    let application = Application::new(Some(COMPONENT));
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = other.local_addr().unwrap();
    let error = start_error(Options { listen, ..application.options() }).await;
    assert!(matches!(error, StartError::AddressInUse(address) if address == listen), "{error}");
    assert!(error.to_string().contains(&listen.to_string()), "{error}");
}
