//! The notices of third parties, in Markdown.

use crate::{Crate, Error, Inventory, license};
use std::{collections::BTreeMap, fmt::Write};

/// The part of a table's row for each crate.
type Row = fn(&Crate) -> Result<String, Error>;

impl Inventory {
    /// The text of `THIRD-PARTY.md`.
    ///
    /// # Errors
    /// Returns an error if the files of a package cannot be read, or if the license of a crate that
    /// is linked is neither the Apache License nor in its package.
    pub fn notices(&self) -> Result<String, Error> {
        let mut text = format!(
            "\
# Third-party software

`UPDATE_GOLDEN_FILES=1 cargo test --package doorward-inventory` writes this file; a test compares it. Where a license
gives a choice that includes the Apache License 2.0, that is chosen; its text is in [LICENSE](LICENSE). The other
licenses are at the end.

## In the component

The component also has parts of Rust's standard library {toolchain} (MIT OR Apache-2.0), whose notices are in the
toolchain's `share/doc/rust`, and of the C library that comes with it: wasi-libc (Apache-2.0 WITH LLVM-exception OR
Apache-2.0 OR MIT), musl (MIT, Copyright © 2005-2020 Rich Felker, et al.), cloudlibc (BSD-2-Clause, Copyright (c)
2015-2017 Nuxi, https://nuxi.nl/) and dlmalloc (CC0-1.0). Its table of time zones is made from the IANA time zone
database, which is in the public domain.

",
            toolchain = self.toolchain
        );
        self.table(&mut text, true, "| Crate | License | Copyright |\n|---|---|---|\n", |it| {
            let mut holders = license::copyright(&license::files(&it.folder)?);
            if holders.is_empty() {
                holders.clone_from(&it.authors);
            }
            Ok(format!(" {} |", holders.join("; ").replace('|', "\\|")))
        })?;
        text.push_str(
            "
## Used to build it

Macros, build scripts and what they use. No code of theirs is in the component, but what they generate is.

",
        );
        self.table(&mut text, false, "| Crate | License |\n|---|---|\n", |_| Ok(String::new()))?;
        text.push_str("\n## Licenses and notices\n");
        for ((name, notice), crates) in &self.texts()? {
            let notice = notice.replace("\r\n", "\n");
            let lines = notice.trim_matches('\n').lines().map(str::trim_end);
            let lines: Vec<&str> = lines.collect();
            let crates = crates.join("`, `");
            let _ =
                write!(text, "\n`{name}` of `{crates}`:\n\n```text\n{}\n```\n", lines.join("\n"));
        }
        Ok(text)
    }

    fn table(&self, text: &mut String, linked: bool, head: &str, row: Row) -> Result<(), Error> {
        text.push_str(head);
        for it in self.third_party().filter(|it| it.is_linked == linked) {
            let (id, rest) = (&it.id, row(it)?);
            let _ = writeln!(text, "| `{}` {} | {} |{rest}", id.name, id.version, it.license);
        }
        Ok(())
    }

    /// The texts that have to go along with the component, by the name of their file, and the
    /// crates that each is in.
    fn texts(&self) -> Result<BTreeMap<(String, String), Vec<&str>>, Error> {
        let mut texts: BTreeMap<_, Vec<&str>> = BTreeMap::new();
        for it in self.third_party().filter(|it| it.is_linked) {
            let files = license::files(&it.folder)?;
            let is_notice = |name: &str| name.to_uppercase().starts_with("NOTICE");
            let needs_license = !license::allows_apache(&it.license);
            let mit = files.iter().any(|(name, _)| name.contains("MIT"));
            let chosen = files.into_iter().filter(|(name, _)| {
                is_notice(name) || needs_license && (!mit || name.contains("MIT"))
            });
            let chosen: Vec<(String, String)> = chosen.collect();
            if needs_license && !chosen.iter().any(|(name, _)| !is_notice(name)) {
                return Err(Error::NoLicense { name: it.id.name.clone() });
            }
            for file in chosen {
                texts.entry(file).or_default().push(&it.id.name);
            }
        }
        Ok(texts)
    }
}
