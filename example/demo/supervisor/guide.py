"""What the demo says to whom started it."""

from example.demo.seed.people import SHOPPER, STAFF


def opening(*, url: str, speed: float, logs: str) -> str:
    """Return the text to print when the shop is open."""
    return f"""
The shop is open:   {url}/

  Staff             {STAFF.email}  password: {STAFF.password}
                    {url}/admin/  and  {url}/dashboard/
  Shopper           {SHOPPER.email}  password: {SHOPPER.password}
                    {url}/retention/account/  has points, rewards, gifts, a challenge, friends
  What was sent     {url}/demo/outbox/

Three things to try:
  1. Buy two things as a guest, with any address. On the thank-you page choose a password,
     and watch the outbox: a coupon for the next order arrives within seconds.
  2. Sign up for the shop's mail at the foot of any page, confirm it from the outbox, and
     use the welcome coupon on a first order.
  3. Mark an order as shipped in the dashboard. {_pace(speed)},
     so the question how it went soon lies in the outbox; answer it, then look at that
     customer's page in the admin.

Logs are in {logs}. Ctrl-C ends everything.
"""


def _pace(speed: float) -> str:
    seconds = 86_400 / speed
    if seconds >= 43_200:
        return "Waits take as long as in life"
    if seconds >= 90:
        return f"A day of waiting takes {seconds / 60:.0f} minutes here"
    return f"A day of waiting takes {max(seconds, 1):.0f} seconds here"
