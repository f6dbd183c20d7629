"""The error codes that a Web API method may answer with.

From the pages of https://docs.slack.dev/reference/methods, in the machine-readable form of
https://github.com/slack-ruby/slack-api-ref and https://hexdocs.pm/slack_kit, and from public reports where
a page leaves a code out that apps meet.
"""

COMMON = frozenset(
    {
        "access_denied",
        "accesslimited",
        "account_inactive",
        "deprecated_endpoint",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "fatal_error",
        "internal_error",
        "invalid_arg_name",
        "invalid_arguments",
        "invalid_array_arg",
        "invalid_auth",
        "invalid_charset",
        "invalid_form_data",
        "invalid_post_type",
        "method_deprecated",
        "missing_argument",
        "missing_post_type",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "ratelimited",
        "request_timeout",
        "service_unavailable",
        "team_access_not_granted",
        "team_added_to_org",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
"""Any method may answer with these."""

_POSTING = frozenset(
    {
        "channel_not_found",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "is_archived",
        "markdown_text_conflict",
        "messages_tab_disabled",
        "msg_too_long",
        "no_text",
        "not_in_channel",
        "rate_limited",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "too_many_attachments",
        "cannot_reply_to_message",
        "message_limit_exceeded",
    }
)
_METADATA = frozenset(
    {"invalid_metadata_format", "invalid_metadata_schema", "metadata_must_be_sent_from_app"}
    | {"metadata_too_large"}
)
_CHANNEL = frozenset({"channel_not_found", "method_not_supported_for_channel_type"})
_PAGED = frozenset({"invalid_cursor", "invalid_limit"})
_VIEW = frozenset({"duplicate_external_id", "view_too_large"})
_TRIGGER = frozenset({"expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id"})

BY_METHOD = {
    "chat.postMessage": _POSTING
    | _METADATA
    # The last two are from reports: a person's id given as the channel.
    | {"as_user_not_supported", "user_disabled", "cannot_dm_bot"},
    "chat.postEphemeral": _POSTING | {"user_not_in_channel", "user_not_found", "is_bot"},
    "chat.update": _METADATA
    | {
        "block_mismatch",
        "cant_update_message",
        "channel_not_found",
        "edit_window_closed",
        "external_channel_migrating",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "is_inactive",
        "message_not_found",
        "msg_too_long",
        "no_text",
        "rate_limited",
        "team_not_found",
        "too_many_attachments",
        "update_failed",
    },
    "chat.delete": {
        "cant_delete_message",
        "channel_not_found",
        "compliance_exports_prevent_deletion",
        "message_not_found",
    },
    "chat.getPermalink": {"channel_not_found", "message_not_found"},
    "conversations.open": _CHANNEL
    | {
        "cannot_dm_bot",
        "invalid_user_combination",
        "not_enough_users",
        "too_many_users",
        "user_disabled",
        "user_not_found",
        "user_not_visible",
        "users_list_not_supplied",
    },
    "conversations.list": _PAGED | {"invalid_types", "method_not_supported_for_channel_type"},
    "conversations.info": _CHANNEL,
    "conversations.members": _CHANNEL | _PAGED | {"fetch_members_failed"},
    "conversations.history": _CHANNEL
    | _PAGED
    | {"invalid_ts_latest", "invalid_ts_oldest", "not_in_channel", "invalid_metadata_keys"},
    "conversations.replies": _CHANNEL
    | _PAGED
    | {"invalid_ts_latest", "invalid_ts_oldest", "not_in_channel", "thread_not_found"},
    "users.info": {"user_not_found", "user_not_visible"},
    "users.lookupByEmail": {"users_not_found"},
    "users.list": _PAGED | {"limit_required"},
    "usergroups.list": {"plan_upgrade_required", "permission_denied"},
    "usergroups.users.list": {"no_such_subteam", "plan_upgrade_required", "permission_denied"},
    "views.open": _VIEW | _TRIGGER,
    "views.push": _VIEW | _TRIGGER | {"push_limit_reached"},
    "views.update": _VIEW | {"hash_conflict", "not_found"},
    "views.publish": _VIEW | {"hash_conflict", "not_enabled", "user_not_found"},
    "reactions.add": {"already_reacted", "bad_timestamp", "channel_not_found", "invalid_name"}
    | {"is_archived", "message_not_found", "no_item_specified", "not_reactable", "thread_locked"}
    | {"too_many_emoji", "too_many_reactions"},
    "reactions.remove": {"bad_timestamp", "channel_not_found", "invalid_name", "message_not_found"}
    | {"no_item_specified", "no_reaction", "not_reactable"},
    "files.getUploadURLExternal": {"alt_txt_too_large", "snippet_too_large", "unknown_snippet_type"},
    "files.completeUploadExternal": {"channel_not_found", "file_not_found", "not_in_channel"}
    | {"posting_to_channel_denied", "invalid_channel", "is_archived"},
    "apps.connections.open": {"forbidden_team", "insecure_request", "missing_args"},
    "bots.info": {"bot_not_found"},
}


def documented(method: str, error: str) -> bool:
    """Whether Slack says that ``method`` may answer with ``error``; ``*`` stands for any method."""
    return error in COMMON or error in BY_METHOD.get(method, frozenset())
