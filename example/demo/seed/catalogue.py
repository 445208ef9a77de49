"""The catalogue: categories, products, pictures, prices and stock, in Oscar's own tables."""

from django.core.files.base import ContentFile
from oscar.core.loading import get_model

from example.demo.seed import pictures
from example.demo.seed.goods import GOODS, MEMBERSHIP, Good

Category = get_model("catalogue", "Category")
Partner = get_model("partner", "Partner")
Product = get_model("catalogue", "Product")
ProductClass = get_model("catalogue", "ProductClass")
ProductCategory = get_model("catalogue", "ProductCategory")
ProductImage = get_model("catalogue", "ProductImage")
StockRecord = get_model("partner", "StockRecord")

STOCK = 500


def plant() -> None:
    """Fill an empty catalogue; pictures are written to the media folder."""
    kind = ProductClass.objects.create(name="Goods", requires_shipping=True, track_stock=True)
    partner = Partner.objects.create(name="Our own workshop")
    for name, goods in GOODS.items():
        category = Category.objects.add_root({"name": name})
        for good in goods:
            _put_on_shelf(good, kind=kind, partner=partner, category=category)
    membership = ProductClass.objects.create(name="Membership", requires_shipping=False, track_stock=False)
    category = Category.objects.add_root({"name": "Membership"})
    _put_on_shelf(MEMBERSHIP, kind=membership, partner=partner, category=category)


def _put_on_shelf(good: Good, *, kind: ProductClass, partner: Partner, category: Category) -> None:
    product = Product.objects.create(
        product_class=kind, upc=good.sku, title=good.title, description=f"<p>{good.text}</p>", is_public=True
    )
    ProductCategory.objects.create(product=product, category=category)
    StockRecord.objects.create(
        product=product,
        partner=partner,
        partner_sku=good.sku,
        price=good.price,
        num_in_stock=STOCK if kind.track_stock else None,
    )
    picture = pictures.paint(shape=good.shape, ground=good.ground, main=good.main, accent=good.accent)
    ProductImage.objects.create(
        product=product, original=ContentFile(picture, name=f"{good.sku.lower()}.jpg"), caption=good.title
    )
