//! The two peers with FastMCP: how they are installed and started.

use super::process::{Peer, Step};

/// The npm package, on the installed Node.
pub(super) const NODE: Peer = Peer {
    folder: "fastmcp-npm",
    needs: &[&["npm", "--version"], &["node", "--version"]],
    pinned: &["package.json", "package-lock.json"],
    server: &["server.mjs"],
    install: &[Step {
        program: "npm",
        arguments: &["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
    }],
    start: Step { program: "node", arguments: &["server.mjs"] },
};

/// The Python package, in a virtual environment.
pub(super) const PYTHON: Peer = Peer {
    folder: "fastmcp-python",
    needs: &[&[
        "python3",
        "-c",
        "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))",
    ]],
    pinned: &["requirements.txt"],
    server: &["server.py"],
    install: &[
        Step { program: "python3", arguments: &["-m", "venv", "--clear", "venv"] },
        Step {
            program: "venv/bin/python",
            arguments: &["-m", "pip", "install", "--quiet", "--no-deps", "-r", "requirements.txt"],
        },
    ],
    start: Step { program: "venv/bin/python", arguments: &["server.py"] },
};
