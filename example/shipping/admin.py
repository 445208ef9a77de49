from oscar.apps.shipping.admin import *  # noqa: F403  (how Oscar's own guide forks an app)
