"""The shop's mail as the merchant shaped it: topics that people may leave out, and words of the shop's own."""

from datetime import datetime

from campaigns.models import Journey
from campaigns.services import journeys
from retention.models import Text, Topic, TopicWords

WORKSHOP, OFFERS, EVENINGS = "workshop", "offers", "evenings"

TOPICS = (
    (WORKSHOP, {
        "en": ("From the workshop", "What came out of the kiln this month."),
        "ru": ("Из мастерской", "Что в этом месяце вышло из печи."),
        "es": ("Del taller", "Lo que salió del horno este mes."),
        "zh-hans": ("工坊来信", "本月出窑的新作。"),
    }),
    (OFFERS, {
        "en": ("Offers and coupons", "Codes, and when something costs less."),
        "ru": ("Предложения и купоны", "Коды и дни, когда что-то стоит дешевле."),
        "es": ("Ofertas y cupones", "Códigos, y cuándo algo cuesta menos."),
        "zh-hans": ("优惠与优惠券", "优惠码，以及降价消息。"),
    }),
    (EVENINGS, {
        "en": ("Evenings and markets", "Where to meet us, and evenings at the wheel."),
        "ru": ("Вечера и ярмарки", "Где нас встретить, и вечера за гончарным кругом."),
        "es": ("Tardes y ferias", "Dónde encontrarnos, y tardes en el torno."),
        "zh-hans": ("夜场与市集", "在哪里能见到我们，以及拉坯之夜。"),
    }),
)  # fmt: skip
"""Slug → language → name and what it is about."""

HTML = """<h1>Thank you, {{ first_name | default: "friend of paper" }}!</h1>
<p>The kiln is cooling, and your parcel is next. For the time after that, here is {{ gives }}:</p>
{{ coupon_block }}
{% if companions %}<h2>Goes well with yours</h2>{{ companions_block }}{% endif %}
<p>Sam, who packs the parcels</p>"""

PLAIN = """Thank you, {{ first_name | default: "friend of paper" }}!

The kiln is cooling, and your parcel is next. For the time after that, here is {{ gives }}:

{{ coupon_block }}
{% if companions %}Goes well with yours

{{ companions_block }}{% endif %}
Sam, who packs the parcels"""


def prepare(*, at: datetime) -> None:
    """Make topics, put the journeys' mail under one, and write one mail in the shop's own words."""
    for position, (slug, languages) in enumerate(TOPICS):
        topic = Topic.objects.create(slug=slug, position=position)
        TopicWords.objects.bulk_create(
            TopicWords(topic=topic, language=language, name=name, about=about)
            for language, (name, about) in languages.items()
        )
    journey = Journey.objects.get(slug="next-order")
    journey.topic = OFFERS
    journey.save()
    journeys.publish(journey, at=at)
    Text.objects.create(
        mail="campaigns.next_order",
        language="en",
        subject="{{ gives }}, for when you come back",
        preheader="Good until {{ expires }}.",
        html=HTML,
        text=PLAIN,
    )
