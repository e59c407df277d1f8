//! The part of the Management API that Doorward, its tools and its set-up use.

mod actions;
mod bearer;
mod body;
mod clients;
mod connections;
mod credentials;
mod error;
mod metadata_documents;
mod organizations;
mod page;
mod resource_servers;
mod roles;
mod settings;
mod users;

use axum::Router;
use axum::routing::{delete, get, patch, post};

use crate::state::App;

pub(crate) use error::{Error, error_body};

/// The scopes of the API.
pub(crate) const SCOPES: &[&str] = &[
    "read:resource_servers",
    "create:resource_servers",
    "update:resource_servers",
    "delete:resource_servers",
    "read:users",
    "update:users",
    "update:users_app_metadata",
    "read:roles",
    "create:roles",
    "update:roles",
    "delete:roles",
    "read:role_members",
    "read:user_effective_permissions",
    "read:organizations",
    "create:organizations",
    "update:organizations",
    "delete:organizations",
    "read:organization_connections",
    "create:organization_connections",
    "read:organization_members",
    "create:organization_members",
    "read:organization_member_roles",
    "create:organization_member_roles",
    "read:organization_member_effective_roles",
    "read:clients",
    "create:clients",
    "update:clients",
    "delete:clients",
    "read:client_keys",
    "update:client_keys",
    "read:client_credentials",
    "create:client_credentials",
    "delete:client_credentials",
    "read:client_grants",
    "create:client_grants",
    "update:client_grants",
    "delete:client_grants",
    "read:connections",
    "update:connections",
    "read:tenant_settings",
    "update:tenant_settings",
    "read:mfa_policies",
    "read:log_streams",
    "create:log_streams",
    "update:log_streams",
    "delete:log_streams",
    "read:actions",
    "create:actions",
    "update:actions",
    "delete:actions",
];

/// The routes under `/api/v2`.
pub(crate) fn routes() -> Router<App> {
    let api = Router::new()
        .route("/resource-servers", get(resource_servers::list).post(resource_servers::create))
        .route(
            "/resource-servers/{id}",
            get(resource_servers::read)
                .patch(resource_servers::update)
                .delete(resource_servers::delete),
        )
        .route("/clients", get(clients::list).post(clients::create))
        .route("/clients/cimd/preview", post(metadata_documents::preview))
        .route("/clients/cimd/register", post(metadata_documents::register))
        .route("/clients/{id}", get(clients::read).patch(clients::update).delete(clients::delete))
        .route("/clients/{id}/rotate-secret", post(clients::rotate))
        .route("/clients/{id}/credentials", get(credentials::list).post(credentials::create))
        .route("/clients/{id}/credentials/{credential}", delete(credentials::delete))
        .route("/client-grants", get(clients::grants).post(clients::create_grant))
        .route("/client-grants/{id}", patch(clients::update_grant).delete(clients::delete_grant))
        .route("/connections", get(connections::list))
        .route("/connections/{id}", patch(connections::update))
        .route("/connections/{id}/clients", get(connections::clients).patch(connections::enable))
        .route("/tenants/settings", get(settings::read).patch(settings::update))
        .route("/guardian/policies", get(settings::mfa))
        .route("/log-streams", get(settings::streams).post(settings::create_stream))
        .route(
            "/log-streams/{id}",
            get(settings::stream).patch(settings::update_stream).delete(settings::delete_stream),
        )
        .route("/actions/actions", get(actions::list).post(actions::create))
        .route("/actions/actions/{id}", patch(actions::update).delete(actions::delete))
        .route("/actions/actions/{id}/deploy", post(actions::deploy))
        .route("/actions/triggers/post-login/bindings", get(actions::bindings).patch(actions::bind))
        .route("/roles", get(roles::list).post(roles::create))
        .route("/roles/{id}", delete(roles::delete))
        .route("/roles/{id}/permissions", get(roles::permissions).post(roles::add))
        .route("/roles/{id}/users", post(roles::assign))
        .route("/users-by-email", get(users::by_email))
        .route("/users/{id}", get(users::read).patch(users::update))
        .route("/users/{id}/permissions", get(users::permissions))
        .route("/users/{id}/roles", get(users::roles))
        .route("/users/{id}/effective-permissions", get(users::effective_permissions))
        .route("/users/{id}/connected-accounts", get(users::connected_accounts))
        .route("/organizations", get(organizations::list).post(organizations::create))
        .route(
            "/organizations/{id}",
            get(organizations::read).patch(organizations::update).delete(organizations::delete),
        )
        .route(
            "/organizations/{id}/enabled_connections",
            get(organizations::connections).post(organizations::enable),
        )
        .route("/organizations/{id}/members", get(organizations::members).post(organizations::add))
        .route(
            "/organizations/{id}/members/{user_id}/roles",
            get(organizations::member_roles).post(organizations::assign),
        )
        .route(
            "/organizations/{id}/members/{user_id}/effective-roles",
            get(organizations::member_effective_roles),
        )
        .fallback(|| async { Error::NotFound { code: None, message: "Not Found" } })
        .method_not_allowed_fallback(|| async {
            Error::NotFound { code: None, message: "Not Found" }
        });
    Router::new().nest("/api/v2", api)
}
