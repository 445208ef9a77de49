from oscar.apps.shipping.models import *  # noqa: F403  (how Oscar's own guide forks an app)
