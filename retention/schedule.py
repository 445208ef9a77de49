"""What Celery beat sends: one empty tick. Merge it into yours: ``beat_schedule = {**BEAT, ...}``."""

BEAT = {
    "retention-tick": {
        "task": "retention.tick",
        "schedule": 2.0,
        # a tick that waited longer than its interval is of no use: the next is behind it
        "options": {"expires": 1.9},
    },
}
