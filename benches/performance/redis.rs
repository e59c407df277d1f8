//! A Redis without persistence, as the key-value store of Spin.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

/// A running Redis. It is killed on drop.
pub(crate) struct Redis {
    child: Child,
    port: u16,
    folder: PathBuf,
    config: PathBuf,
}

impl Redis {
    /// Starts a Redis, and writes the runtime configuration that selects it; `None` if there is no
    /// `redis-server` on PATH.
    ///
    /// # Errors
    /// Returns a message if the folder cannot be written to or no port is free.
    pub(crate) async fn start(folder: &Path) -> Result<Option<Self>, String> {
        let failed = |error: std::io::Error| format!("Redis does not start: {error}");
        fs::create_dir_all(folder).map_err(failed)?;
        let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        drop(listener);
        let Ok(child) = spawn(port, folder).await else { return Ok(None) };
        let config = folder.join("redis.toml");
        let text = format!(
            "[key_value_store.default]\ntype = \"redis\"\nurl = \"redis://127.0.0.1:{port}\"\n"
        );
        fs::write(&config, text).map_err(failed)?;
        Ok(Some(Self { child, port, folder: folder.to_owned(), config }))
    }

    /// The runtime configuration.
    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    /// Ends Redis, and starts it again without its content.
    ///
    /// # Errors
    /// Returns a message if it does not start again.
    pub(crate) async fn restart(&mut self) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("Redis does not start again: {error}");
        self.child.kill().await.map_err(failed)?;
        self.child = spawn(self.port, &self.folder).await.map_err(failed)?;
        Ok(())
    }

    /// The number of keys.
    ///
    /// # Errors
    /// Returns a message if Redis does not say.
    pub(crate) async fn keys(&self) -> Result<usize, String> {
        let failed = |error: std::io::Error| format!("Redis does not count its keys: {error}");
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.map_err(failed)?;
        stream.write_all(b"DBSIZE\r\n").await.map_err(failed)?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await.map_err(failed)?;
        let count = line.trim().strip_prefix(':').and_then(|count| count.parse().ok());
        count.ok_or_else(|| format!("Redis does not count its keys: {line}"))
    }
}

/// Starts the program, and waits until it listens.
async fn spawn(port: u16, folder: &Path) -> std::io::Result<Child> {
    let child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    for _ in 0..100 {
        if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(child)
}
