"""Every address of the site."""

from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from dashboard.views import (
    alerts,
    api,
    appearance,
    archive,
    bulk,
    catalog,
    compare,
    connections,
    costs,
    deliveries,
    export,
    feed,
    health,
    inbound,
    insight,
    job_actions,
    job_pages,
    jobs,
    labels,
    message_guide,
    metrics,
    mirror,
    models,
    news,
    points,
    retention,
    rules,
    saved_views,
    signin,
    silences,
    status,
    styleguide,
    team,
    webhook_secrets,
    welcome,
    you,
)

JOB = "jobs/<slug:connection>/<str:job_id>"
VIEW = "views/<uuid:view>"

pages_of_jobs: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="jobs"), name="home"),
    path("jobs/", jobs.job_list, name="jobs"),
    path("jobs/bulk/", bulk.change, name="jobs-bulk"),
    path("views/", saved_views.view_list, name="views"),
    path("views/update/", saved_views.update, name="view-update"),
    path(f"{VIEW}/", saved_views.edit, name="view"),
    path(f"{VIEW}/remove/", saved_views.remove, name="view-remove"),
    path(f"{VIEW}/feed/", saved_views.open_feed, name="view-feed"),
    path(f"{VIEW}/feed/off/", saved_views.close_feed, name="view-feed-off"),
    path(f"{JOB}/", jobs.job_detail, name="job"),
    path(f"{JOB}/events/", jobs.job_events, name="job-events"),
    path(f"{JOB}/timeline/", job_pages.timeline, name="job-timeline"),
    path(f"{JOB}/changes/", job_pages.changed, name="job-changes"),
    path(f"{JOB}/raw/", job_pages.raw, name="job-raw"),
    path(f"{JOB}/points/", points.show, name="job-points"),
    path(f"{JOB}/markdown/", job_pages.markdown, name="job-markdown"),
    path(f"{JOB}/files/<str:file_id>/", job_pages.file_download, name="file-download"),
    path(f"{JOB}/files/<str:file_id>/preview/", job_pages.file_preview, name="file-preview"),
    path("compare/", compare.show, name="compare"),
    path("insight/", insight.show, name="insight"),
    path("models/", models.show, name="models"),
    path("export/", export.selection, name="export"),
    path("jobs/compare/", jobs.compare_ticked, name="compare-ticked"),
    path("styleguide/", styleguide.show, name="styleguide"),
    path("styleguide/messages/", message_guide.show, name="message-guide"),
    path("theme/", appearance.choose_theme, name="theme"),
]

door: list[URLPattern | URLResolver] = [
    path("sign-in/", signin.sign_in, name="sign-in"),
    path("sign-in/link/<str:token>/", signin.redeem_link, name="sign-in-link"),
    path("sign-out/", signin.sign_out, name="sign-out"),
]

CONNECTION = "connections/<slug:connection>"

job_actions_pages: list[URLPattern | URLResolver] = [
    *(
        path(f"{JOB}/{action}/", job_actions.change, {"action": action}, name=f"job-{action}")
        for action in ("pause", "resume", "archive", "restore")
    ),
    path(f"{JOB}/poll/", job_actions.poll, name="job-poll"),
    path(f"{JOB}/remove/", job_actions.remove, name="job-remove"),
    path(f"{JOB}/mute/", silences.mute, name="job-mute"),
    path(f"{JOB}/unmute/", silences.wake, name="job-unmute"),
    path(f"{JOB}/labels/", labels.change, name="job-labels"),
    path(f"{JOB}/snooze/", silences.snooze, name="job-snooze"),
    *(
        path(
            f"{JOB}/provider/{action}/",
            job_actions.at_provider,
            {"action": action},
            name=f"job-provider-{action}",
        )
        for action in ("pause", "resume", "cancel")
    ),
]

connection_pages: list[URLPattern | URLResolver] = [
    path("connections/", connections.connection_list, name="connections"),
    path("connections/add/", connections.add, name="connection-add"),
    path(f"{CONNECTION}/", connections.detail, name="connection"),
    path(f"{CONNECTION}/edit/", connections.edit, name="connection-edit"),
    path(f"{CONNECTION}/test/", connections.test, name="connection-test"),
    path(f"{CONNECTION}/poll/", connections.poll, name="connection-poll"),
    path(f"{CONNECTION}/remove/", connections.remove, name="connection-remove"),
    *(
        path(
            f"{CONNECTION}/backfill/{action}/",
            archive.change,
            {"action": action},
            name=f"connection-backfill-{action}",
        )
        for action in archive.ACTIONS
    ),
    path(f"{CONNECTION}/models/", catalog.set_day, name="connection-retirement"),
    path(f"{CONNECTION}/webhooks/", webhook_secrets.add, name="connection-webhook-secret"),
    path(
        f"{CONNECTION}/webhooks/remove/",
        webhook_secrets.remove,
        name="connection-webhook-secret-remove",
    ),
    path(f"{CONNECTION}/jobs/", connections.add_job, name="connection-add-job"),
    path(f"{CONNECTION}/export/", export.connection, name="connection-export"),
    *(
        path(
            f"{CONNECTION}/{action}/",
            connections.change,
            {"action": action},
            name=f"connection-{action}",
        )
        for action in ("pause", "resume", "archive", "restore")
    ),
]

RULE, CHANNEL = "alerts/rules/<uuid:public_id>", "alerts/channels/<uuid:public_id>"
ON, OFF = {"is_enabled": True}, {"is_enabled": False}

alert_pages: list[URLPattern | URLResolver] = [
    path("alerts/", alerts.overview, name="alerts"),
    path("alerts/rules/add/", rules.add, name="rule-add"),
    path(f"{RULE}/", rules.edit, name="rule-edit"),
    path(f"{RULE}/enable/", rules.switch, ON, name="rule-enable"),
    path(f"{RULE}/disable/", rules.switch, OFF, name="rule-disable"),
    path(f"{RULE}/remove/", rules.remove, name="rule-remove"),
    path("alerts/channels/add/", alerts.choose_kind, name="channel-kinds"),
    path("alerts/channels/add/<slug:kind>/", alerts.add_channel, name="channel-add"),
    path(f"{CHANNEL}/", alerts.edit_channel, name="channel-edit"),
    path(f"{CHANNEL}/test/", alerts.test_channel, name="channel-test"),
    path(f"{CHANNEL}/enable/", alerts.switch_channel, ON, name="channel-enable"),
    path(f"{CHANNEL}/disable/", alerts.switch_channel, OFF, name="channel-disable"),
    path(f"{CHANNEL}/remove/", alerts.remove_channel, name="channel-remove"),
    path("alerts/news/", news.show, name="news"),
    path("alerts/deliveries/", deliveries.log, name="deliveries"),
    path("alerts/deliveries/resend/", deliveries.resend_given_up, name="deliveries-resend"),
    path("alerts/deliveries/dismiss/", deliveries.dismiss_given_up, name="deliveries-dismiss"),
    path("alerts/deliveries/<uuid:key>/resend/", deliveries.resend, name="delivery-resend"),
]

cost_pages: list[URLPattern | URLResolver] = [
    path("costs/", costs.show, name="costs"),
    path("costs/prices/", costs.prices, name="prices"),
    path("costs/prices/add/", costs.add_price, name="price-add"),
    path("costs/prices/<int:price>/remove/", costs.remove_price, name="price-remove"),
]

team_pages: list[URLPattern | URLResolver] = [
    path("status/", status.show, name="status"),
    path("welcome/", welcome.show, name="welcome"),
    path("welcome/ring/", welcome.ring, name="welcome-ring"),
    path("team/", team.members, name="team"),
    path("team/invite/", team.invite, name="invite"),
    path("team/leave/", team.leave, name="team-leave"),
    path("team/choose/", team.choose, name="team-choose"),
    path("team/you/", you.show, name="you"),
    path("team/password/", team.password, name="password"),
    path("team/members/<int:member>/role/", team.change_role, name="member-role"),
    path("team/members/<int:member>/link/", team.new_link, name="member-link"),
    path("team/members/<int:member>/remove/", team.remove_member, name="member-remove"),
    path("team/tokens/", team.tokens, name="tokens"),
    path("team/tokens/<int:token>/revoke/", team.revoke_token, name="token-revoke"),
    path("team/retention/", retention.show, name="retention"),
    path("team/retention/on/", retention.enable, name="retention-enable"),
    path("team/retention/off/", retention.disable, name="retention-disable"),
    path("team/log/", team.log, name="log"),
]

V1_JOB = "v1/fine_tuning/jobs/<str:job_id>"

machine: list[URLPattern | URLResolver] = [
    path("feeds/<str:token>/", feed.show, name="feed"),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.show, name="metrics"),
    path("webhooks/openai/<str:connection>/", inbound.receive, name="webhook-in"),
    path("v1/fine_tuning/jobs", mirror.job_list, name="v1-jobs"),
    path(V1_JOB, mirror.job, name="v1-job"),
    path(f"{V1_JOB}/events", mirror.job_events, name="v1-job-events"),
    path(f"{V1_JOB}/checkpoints", mirror.job_checkpoints, name="v1-job-checkpoints"),
    path("v1/files/<str:file_id>", mirror.file, name="v1-file"),
    path("v1/files/<str:file_id>/content", mirror.file_content, name="v1-file-content"),
    path("v1/<path:rest>", mirror.unknown, name="v1-unknown"),
    path("api/schema", api.describe, name="api-schema"),
    path("api/jobs/<str:job_id>/<str:kind>", api.job_history, name="api-job-history"),
    path("api/<path:rest>", api.unknown, name="api-unknown"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    *door,
    *pages_of_jobs,
    *job_actions_pages,
    *connection_pages,
    *alert_pages,
    *cost_pages,
    *team_pages,
    *machine,
]

handler400 = "dashboard.views.errors.bad_request"
handler403 = "dashboard.views.errors.forbidden"
handler404 = "dashboard.views.errors.not_found"
handler500 = "dashboard.views.errors.server_error"
