"""The example shop's own parts: search, shipping, and a checkout without a payment."""

import pytest
from oscar.core.loading import get_model

from example.demo.seed import catalogue, people

Order = get_model("order", "Order")
Product = get_model("catalogue", "Product")

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def stocked(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    people.plant()
    catalogue.plant()


def found(client, url, **query):
    page = client.get(url, query)
    assert page.status_code == 200
    return [result.object.title for result in page.context["page_obj"]]


def test_the_first_page_shows_all_goods(client):
    assert len(found(client, "/catalogue/")) == 17


# Oscar's page asks the category for what treebeard 7 moved to its manager.
@pytest.mark.filterwarnings("ignore:Using Category.get_ancestors:treebeard.deprecation.RemovedInTreebeard8Warning")
def test_a_category_shows_its_own_goods(client):
    [category] = catalogue.Category.objects.filter(name="Tea")

    assert found(client, category.get_absolute_url()) == [
        "Breakfast tea, 100 g",
        "Green tea, 100 g",
        "Rooibos with vanilla, 100 g",
        "Peppermint, 50 g",
    ]


def test_search_wants_every_word(client):
    assert found(client, "/search/", q="tea green") == ["Green tea, 100 g"]
    assert found(client, "/search/", q="tea submarine") == []


def test_what_is_not_public_is_not_found(client):
    Product.objects.filter(upc="TE-2").update(is_public=False)

    assert found(client, "/search/", q="green tea") == []


def test_goods_can_be_sorted_by_price(client):
    assert found(client, "/catalogue/", sort_by="price-desc")[0] == "Fountain pen, fine"
    assert found(client, "/catalogue/", sort_by="price-asc")[0] == "Peppermint, 50 g"


@pytest.mark.parametrize(("method", "total"), [("post", "25.90"), ("collect", "22.00")])
def test_a_guest_orders_by_post_or_collects(client, method, total):
    mug = Product.objects.get(upc="CB-1")
    address = {"first_name": "Ada", "last_name": "Example", "line1": "1 Example Street"}

    client.post(f"/basket/add/{mug.pk}/", {"quantity": 1})
    client.post("/checkout/", {"username": "ada@example.org", "options": "anonymous"})
    client.post("/checkout/shipping-address/", address | {"line4": "Berlin", "postcode": "10115", "country": "DE"})
    client.post("/checkout/shipping-method/", {"method_code": method})
    assert b"takes no money" in client.get("/checkout/payment-details/").content
    page = client.post("/checkout/preview/", {"action": "place_order"}, follow=True)

    assert page.redirect_chain == [("/checkout/thank-you/", 302)]
    [order] = Order.objects.all()
    assert (order.guest_email, str(order.total_incl_tax), order.status) == ("ada@example.org", total, "Pending")
