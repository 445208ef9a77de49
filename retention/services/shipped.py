"""The shipped words of a mail: blocks in gettext, written as Liquid for HTML and for plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from django.utils import translation

from retention import mail as mails
from retention.mail import Mail


@dataclass(frozen=True, kw_only=True)
class Words:
    """A mail's parts in Liquid."""

    subject: str
    preheader: str
    html: str
    text: str


def words(mail: Mail, language: str) -> Words:
    """Return the shipped words of a mail in a language; in English where they are not translated."""
    with translation.override(language):
        return Words(
            subject=str(mail.subject), preheader=str(mail.preheader), html=html(mail.body), text=plain(mail.body)
        )


def html(body: Sequence[mails.Block]) -> str:
    """Return blocks as Liquid that makes HTML, in the active language."""
    return "\n".join(_when(block, _html(block)) for block in body)


def plain(body: Sequence[mails.Block]) -> str:
    """Return blocks as Liquid that makes plain text, in the active language."""
    return "".join(_when(block, _plain(block) + "\n\n") for block in body)


def _when(block: mails.Block, source: str) -> str:
    # an empty string is true in Liquid
    return f'{{% if {block.when} and {block.when} != "" %}}{source}{{% endif %}}' if block.when else source


def _html(block: mails.Block) -> str:
    def say(words: object) -> str:
        return escape(str(words), quote=False)  # quotes belong to Liquid's filters

    match block:
        case mails.Heading():
            return f'<h1 class="heading">{say(block.words)}</h1>'
        case mails.Para():
            return f'<p class="para">{say(block.words)}</p>'
        case mails.Button():
            return (
                '<table role="presentation" class="button-table"><tr><td class="button-cell">'
                f'<a class="button" href="{{{{ {block.link} }}}}">{say(block.words)}</a></td></tr></table>'
            )
        case mails.Code():
            return f'<p class="code">{{{{ {block.value} }}}}</p>'
        case mails.Rating():
            return (
                f'<p class="para">{say(block.question)}</p><p class="ends">{say(block.low)}</p><p class="rating">'
                f"{{% for entry in {block.scores} %}}"
                '<a class="score" href="{{ entry.url }}">{{ entry.score }}</a> '
                f'{{% endfor %}}</p><p class="ends">{say(block.high)}</p>'
            )
        case mails.Products():
            # the title is the one link: a picture that only repeats it says nothing to who cannot see it
            return (
                f'<table role="presentation" class="products">{{% for product in {block.rows} %}}'
                '<tr><td class="product-picture">{% if product.image and product.image != "" %}'
                '<img class="product-image" src="{{ product.image }}" alt="" width="88">{% endif %}</td>'
                '<td class="product-words"><a class="product-title" href="{{ product.url }}">{{ product.title }}</a>'
                '{% if product.price and product.price != "" %}<br><span class="product-price">{{ product.price }}'
                "</span>{% endif %}</td></tr>{% endfor %}</table>"
            )
    raise TypeError(f"{block!r} is no block of a mail.")


def _plain(block: mails.Block) -> str:
    match block:
        case mails.Heading() | mails.Para():
            return str(block.words)
        case mails.Button():
            return f"{block.words}:\n{{{{ {block.link} }}}}"
        case mails.Code():
            return f"    {{{{ {block.value} }}}}"
        case mails.Rating():
            return (
                f"{block.question}\n\n{block.low}\n"
                f"{{% for entry in {block.scores} %}}{{{{ entry.score }}}}: {{{{ entry.url }}}}\n{{% endfor %}}"
                f"{block.high}"
            )
        case mails.Products():
            return (
                f"{{% for product in {block.rows} %}}{{{{ product.title }}}}"
                '{% if product.price and product.price != "" %}, {{ product.price }}{% endif %}\n'
                "{{ product.url }}\n\n{% endfor %}"
            )
    raise TypeError(f"{block!r} is no block of a mail.")
