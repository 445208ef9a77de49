"""Texts by somebody who wants what no text may have: secrets, other people's data, or the machine's time."""

from __future__ import annotations

NAMES = ["shop", "first_name", "thing", "rows", "reply_to", "settings", "request", "self", "forloop", "''", "nil", "1"]
WAYS = [
    "__class__",
    "__class__.__mro__",
    "__init__.__globals__",
    "__dict__",
    "__subclasses__",
    "password",
    "reveal",
    "_meta",
    "_meta.app_config",
    "SECRET_KEY",
    "objects.all",
    "__getitem__",
    "func_globals",
    "__module__",
]
PROBES = [f"{{{{ {name}.{way} }}}}" for name in NAMES for way in WAYS] + [
    "{{ thing['password'] }}",
    "{{ thing['__class__'] }}",
    "{% assign way = '__class__' %}{{ shop[way] }}",
    "{{ rows | map: '__class__' }}",
    "{{ rows | map: 'score' | map: '__class__' }}",
    "{{ rows | where: '__class__', 'x' }}",
    "{{ rows | sum: '__class__' }}",
    "{{ rows | sort: '__class__' }}",
    "{{ thing | map: 'password' }}",
    "{% for thing in thing %}{{ thing }}{% endfor %}",
    "{% include 'retention/email/layout.html' %}",
    "{% render '../../example/settings.py' %}",
    "{% render 'settings' with thing as settings %}{{ settings.SECRET_KEY }}",
    "{% load static %}{% debug %}",
    "{{ settings.SECRET_KEY }}",
    "{% for key in shop %}{{ key }}{% endfor %}",
    "{{ '%s' | date: thing }}",
    "{{ 'now' | date: '{0.__class__}' }}",
    "{% extends 'layout.html' %}",
    "{% import os %}",
]
"""What reads where nothing is to be read."""

PEOPLE = [
    "{{ customer.email }}",
    "{{ customers }}",
    "{{ message.customer.email }}",
    "{{ messages | first }}",
    "{{ user.password }}",
    "{{ order.email }}",
    "{{ other.first_name }}",
    "{{ shop.customers | join: ',' }}",
    "{{ first_name.customer.objects.all }}",
    "{% for row in rows %}{{ row.customer.email }}{% endfor %}",
    "{% for customer in customers %}{{ customer.email }}{% endfor %}",
    "{{ rows | map: 'email' | join }}",
    "{{ thing.customer }}",
    "{% assign everybody = shop.all %}{{ everybody }}",
    "{{ unsubscribe_url.request.user }}",
    "{% tablerow row in rows %}{{ row.owner.address }}{% endtablerow %}",
    "{{ self.values }}",
    "{{ ['customer'].email }}",
    "{% capture key %}cust{% endcapture %}{{ shop[key] }}",
    "{{ body }}{{ words }}{{ style }}",
]
"""What asks for somebody else."""

GREEDY = {
    "an endless loop": "{% for i in (1..1000000000) %}x{% endfor %}",
    "nested loops": "{% for i in (1..900) %}{% for j in (1..900) %}x{% endfor %}{% endfor %}",
    "a loop that skips a billion": "{% for i in (1..1000000000) limit: 5 offset: 999999990 %}x{% endfor %}",
    "a range of a variable": "{% assign n = 1000000000 %}{% for i in (1..n) limit: 1 offset: 99999999 %}x{% endfor %}",
    "a range joined": "{{ (1..100000000) | join: '' }}",
    "a range sorted": "{{ (1..100000000) | sort | first }}",
    "a range reversed": "{{ (1..100000000) | reverse | first }}",
    "a range compared": "{% if (1..100000000) contains 'x' %}x{% endif %}",
    "a range as an argument": "{{ rows | concat: (1..100000000) | size }}",
    "a long body": "{% for i in (1..1000) %}" + "{% assign x = 'a' | upcase %}" * 1000 + "{% endfor %}",
    "a string that doubles": "{% assign s = 'aaaaaaaa' %}{% for i in (1..90) %}"
    "{% assign s = s | append: s %}{% endfor %}",
    "a capture that doubles": "{% assign s = 'aaaaaaaa' %}{% for i in (1..90) %}"
    "{% capture s %}{{ s }}{{ s }}{% endcapture %}{% endfor %}",
    "a replacement of nothing": "{% assign s = '" + "a" * 200 + "' %}{{ s" + " | replace: '', s" * 6 + " | size }}",
    "a replacement of everything": "{% assign s = '" + "a" * 200 + "' %}{{ s" + " | replace: 'a', s" * 6 + " | size }}",
    "joins that grow": "{% assign a = 'a,a,a,a,a,a,a,a' | split: ',' %}{% assign s = a | join: '" + "x" * 200 + "' %}"
    "{{ a" + " | join: s | split: ''" * 6 + " | size }}",
    "lists that double": "{% assign a = 'a,b' | split: ',' %}{% for i in (1..90) %}"
    "{% assign a = a | concat: a %}{% endfor %}",
    "long strings in a long list": "{% assign s = '"
    + "a" * 9000
    + "' %}{% assign a = s | split: '-' %}"
    + "{% assign a = a | concat: a %}" * 12
    + "{{ a | join: '' | size }}",
    "numbers that grow": "{% assign n = 9 %}{% for i in (1..900) %}{% assign n = n | times: n %}{% endfor %}{{ n }}",
    "numbers in one line": "{% assign n = " + "9" * 4000 + " %}{{ n" + " | times: n" * 900 + " }}",
    "escapes that grow": "{% assign s = '&&&&&&' %}{% for i in (1..900) %}"
    "{% assign s = s | escape %}{% endfor %}{{ s }}",
    "much output": "{% for i in (1..1000) %}" + "x" * 1000 + "{% endfor %}",
    "much output of tags": "{% for i in (1..1000) %}" + "<b>" * 100 + "{% endfor %}",
    "tags in tags": "<div>" * 20_000,
    "blocks in blocks": "{% if true %}" * 5000 + "x" + "{% endif %}" * 5000,
    "brackets in brackets": "{{ shop" + "[shop" * 2000 + "]" * 2000 + " }}",
    "parentheses": "{% if " + "(" * 5000 + "shop" + ")" * 5000 + " %}{% endif %}",
    "much source": "x" * 200_000,
    "many parts": "{{ shop.name }}" * 8000,
    "left open": "{{" * 60_000,
    "left open with a tag": "{%" * 60_000,
    "left raw": "{% raw %}" * 10_000,
    "left doc": "{% doc %}" * 10_000,
    "left comment": "{% comment %}" * 10_000,
    "a partial in itself": "{% render 'self' %}",
    "infinity": "{{ '1e999' | floor }}",
    "nothing divided": "{{ 1 | divided_by: 0 }}",
    "style on each element": '<p class="button">' * 4900,
    "many rules of style": "<style>" + ".a{color:red}" * 5000 + "</style>" + "<p class=a>x</p>" * 1000,
    "many selectors": "<style>" + "p," * 8000 + "p{color:red}</style>" + "<p>x</p>" * 1500,
    "a tag without end": "{% assign x = '" + "a" * 100_000,
    "a long chain of conditions": "{% if " + "shop and " * 10_000 + "shop %}x{% endif %}",
    "a long chain of filters": "{{ shop.name" + " | upcase" * 20_000 + " }}",
    "filters in a loop": "{% for i in (1..999) %}{{ 'abc' | append: 'def' | split: '' | join: '-' | upcase | size }}"
    "{% for j in (1..999) %}{{ i | times: j | append: 'x' | sort }}{% endfor %}{% endfor %}",
    "cases in a case": "{% case 1 %}" * 3000,
    "cycles": "{% for i in (1..1000) %}{% for j in (1..1000) %}{% cycle 'a', 'b', 'c' %}{% endfor %}{% endfor %}",
    "counters": "{% for i in (1..1000) %}{% for j in (1..1000) %}{% increment n %}{% endfor %}{% endfor %}",
    "rows of a table": "{% tablerow i in (1..1000000) cols: 1 %}x{% endtablerow %}",
    "a slice of much": "{{ (1..9999999) | slice: 0, 5 }}",
    "padding": "{% assign s = 'x' %}{% for i in (1..60) %}{% assign s = s | prepend: s | append: s %}{% endfor %}",
    "a date without end": "{{ 'now' | date: '" + "%Y" * 60_000 + "' }}",
    "tags of html that do not end": "<a " * 40_000,
    "comments of html": "<!--" * 20_000,
    "liquid in liquid": "{% liquid\n" + "assign x = 1\n" * 20_000 + "%}",
}
"""What would run long or grow large."""

HARMLESS = {
    "a million words": "word " * 25_000,
    "much punctuation": "{ % } } " * 8000,
    "attributes": "<a " + "x=1 " * 20_000 + ">",
    "a page of entities": "&amp;" * 20_000,
    "a deep page": "<div>" * 2400,
    "a long line of a table": "<table>" + "<tr><td>x" * 1150,
}
"""Large, and taken: but not for long."""

ALL = {
    **{f"probe {source}": source for source in dict.fromkeys(PROBES)},
    **{f"somebody else: {source}": source for source in PEOPLE},
    **GREEDY,
    **HARMLESS,
}
