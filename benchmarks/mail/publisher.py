"""Puts a task for each mail into the broker."""

from benchmarks.mail.engine import Email, send

if __name__ == "__main__":
    for pk in Email.objects.order_by("pk").values_list("pk", flat=True):
        send.delay(pk)
