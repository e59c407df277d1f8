//! Licenses: their SPDX expressions, and what the files in a package say.

use crate::Error;
use std::{fs, path::Path};

/// The SPDX expression for a license as old manifests write it: `MIT/Apache-2.0`.
pub(crate) fn normalized(license: &str) -> String {
    let parts: Vec<&str> = license.split('/').map(str::trim).collect();
    parts.join(" OR ")
}

/// Whether one may choose the Apache License 2.0. An exception only permits more.
pub(crate) fn allows_apache(expression: &str) -> bool {
    !expression.contains(" AND ")
        && expression
            .split(" OR ")
            .any(|it| ["Apache-2.0", "Apache-2.0 WITH LLVM-exception"].contains(&it))
}

/// The files of a package with licenses and notices, as names and texts.
pub(crate) fn files(folder: &Path) -> Result<Vec<(String, String)>, Error> {
    let failed = |source| Error::Read { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let upper = name.to_uppercase();
        let is_legal = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"]
            .iter()
            .any(|prefix| upper.starts_with(prefix));
        if is_legal && entry.path().is_file() {
            files.push((name, fs::read_to_string(entry.path()).map_err(failed)?));
        }
    }
    files.sort();
    Ok(files)
}

/// The lines that say whose work it is, without duplicates.
pub(crate) fn copyright(files: &[(String, String)]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in files.iter().flat_map(|(_, text)| text.lines()).map(str::trim) {
        let Some(rest) = line.strip_prefix("Copyright ") else { continue };
        let is_notice = rest.starts_with("(c)")
            || rest.starts_with("(C)")
            || rest.starts_with('©')
            || rest.starts_with(|c: char| c.is_ascii_digit());
        let line = line.trim_end_matches(" All rights reserved.").to_owned();
        if is_notice && !found.contains(&line) {
            found.push(line);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_license_in_the_old_form_becomes_an_expression() {
        assert_eq!(normalized("MIT/Apache-2.0"), "MIT OR Apache-2.0");
        assert_eq!(normalized("MIT OR Apache-2.0"), "MIT OR Apache-2.0");
    }

    #[test]
    fn apache_is_a_choice_only_if_nothing_else_holds_as_well() {
        assert!(allows_apache("MIT OR Apache-2.0"));
        assert!(allows_apache("Apache-2.0 WITH LLVM-exception"));
        assert!(!allows_apache("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(!allows_apache("MIT"));
    }

    #[test]
    fn a_copyright_is_found_and_the_license_template_is_not() {
        let text = "Copyright (c) 2016 Somebody. All rights reserved.\n\
                    Copyright (c) 2016 Somebody\n\
                    Copyright [yyyy] [name of copyright owner]\n\
                    copyright notice that is included in\n  Copyright 2017 Somebody Else\n";
        let found = copyright(&[("LICENSE".to_owned(), text.to_owned())]);
        assert_eq!(
            found,
            [
                "Copyright (c) 2016 Somebody.",
                "Copyright (c) 2016 Somebody",
                "Copyright 2017 Somebody Else"
            ]
        );
    }
}
