//! The peer with xmcp: how it is installed and started.

use super::process::{Peer, Step};

/// The npm package, on the installed Node.
pub(super) const XMCP: Peer = Peer {
    folder: "xmcp-npm",
    needs: &[&["npm", "--version"], &["node", "--version"]],
    pinned: &["package.json", "package-lock.json"],
    server: &[
        "tsconfig.json",
        "xmcp.config.ts",
        "src/middleware.ts",
        "src/scope.ts",
        "src/tools/calendar_summary.ts",
        "src/tools/get_datetime.ts",
        "src/tools/greet.ts",
        "src/tools/whoami.ts",
    ],
    install: &[Step {
        program: "npm",
        arguments: &["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
    }],
    // Built at every start, because the build fixes the port.
    start: Step {
        program: "sh",
        arguments: &["-c", "node_modules/.bin/xmcp build && exec node dist/http.js"],
    },
};
