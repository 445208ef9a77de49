from oscar.apps.shipping import repository

from example.shipping.methods import Collect, Post


class Repository(repository.Repository):
    """By post, or collected."""

    methods = (Post(), Collect())
