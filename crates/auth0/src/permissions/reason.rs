//! Why a caller may use an item or not, in the audit log.

use doorward_core::reasons;

reasons! {
    /// Why a caller may use a tool, prompt or resource, or may not.
    pub enum AccessReason {
        /// The tool is public, or the caller holds its permission
        ToolAllowed = "tool_allowed" (Allowed),
        /// The policy hides the tool from the caller
        ToolHidden = "tool_hidden",
        /// The caller does not hold the tool's permission
        ToolPermissionMissing = "tool_permission_missing",
        /// The tool is private, and the API does not define its permission
        ToolPermissionUndefined = "tool_permission_undefined",
        /// The token lacks a scope that another token may have
        ToolScopeMissing = "tool_scope_missing",
        /// The tool needs a permission, and the tenant does not know the user
        ToolUserUnknown = "tool_user_unknown",
        /// The prompt is public, or the caller holds its permission
        PromptAllowed = "prompt_allowed" (Allowed),
        /// The caller does not hold the prompt's permission
        PromptPermissionMissing = "prompt_permission_missing",
        /// The prompt is private, and the API does not define its permission
        PromptPermissionUndefined = "prompt_permission_undefined",
        /// The token lacks a scope that another token may have
        PromptScopeMissing = "prompt_scope_missing",
        /// The prompt needs a permission, and the tenant does not know the user
        PromptUserUnknown = "prompt_user_unknown",
        /// The resource is public, or the caller holds its permission
        ResourceAllowed = "resource_allowed" (Allowed),
        /// The caller does not hold the resource's permission
        ResourcePermissionMissing = "resource_permission_missing",
        /// The resource is private, and the API does not define its permission
        ResourcePermissionUndefined = "resource_permission_undefined",
        /// The token lacks a scope that another token may have
        ResourceScopeMissing = "resource_scope_missing",
        /// The resource needs a permission, and the tenant does not know the user
        ResourceUserUnknown = "resource_user_unknown",
    }
}
