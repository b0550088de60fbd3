"""For how many seconds a part may show no sign of life before it counts as gone."""

IDLE_S = 45
BUSY_S = 100  # a task is ended after 90 s
SIGN_S = 10  # between two signs of a worker that has nothing to do

GONE_S = 600  # behind its kind: it will not come back under its name, and alarms nobody any more
FORGOTTEN_S = 86_400
