//! `docs/migration.md` names variables that exist.

use std::collections::BTreeSet;

use doorward_spin::declared_variables;

use super::{code, last_cell, read, rows};

/// What looks like a variable and is none: functions, and members of a value.
const OTHERS: [&str; 3] = ["api_scopes", "is_permission_defined", "jwks_uri"];

#[test]
fn every_variable_that_the_migration_guide_names_exists() {
    let declared: BTreeSet<&str> = declared_variables().map(|variable| variable.name).collect();
    let document = read("docs/migration.md");
    let mut count = 0;
    for text in rows(&document).flat_map(|row| code(last_cell(row))) {
        // `name = "value"` is a variable with a value.
        let name = text.split(' ').next().unwrap_or(text);
        let is_variable = name.contains('_')
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'0')
            && !OTHERS.contains(&name);
        if is_variable {
            assert!(declared.contains(name), "docs/migration.md: there is no variable {name}");
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
}
