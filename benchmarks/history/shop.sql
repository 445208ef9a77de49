-- A shop's past in Oscar's own tables: %(orders)s orders over three years, the same ones each time.
-- A quarter as many people as orders; every second one has an account, the others are guests.
SELECT setseed(0.42);

INSERT INTO address_country (iso_3166_1_a2, iso_3166_1_a3, iso_3166_1_numeric, printable_name, name,
                             display_order, is_shipping_country)
VALUES ('DE', 'DEU', '276', 'Germany', 'Germany', 0, true) ON CONFLICT DO NOTHING;

INSERT INTO catalogue_productclass (id, name, slug, requires_shipping, track_stock)
OVERRIDING SYSTEM VALUE VALUES (1000, 'Things', 'bench-things', true, true);

-- two levels: ten shelves of ten boxes
INSERT INTO catalogue_category (id, path, depth, numchild, name, slug, description, long_description,
                                is_public, ancestors_are_public, exclude_from_menu)
OVERRIDING SYSTEM VALUE
SELECT 1000 + n, lpad((n + 1)::text, 4, '0'), 1, 10, 'Shelf ' || n, 'shelf-' || n, '', '', true, true, false
FROM generate_series(0, 9) AS n
UNION ALL
SELECT 1010 + n, lpad((n / 10 + 1)::text, 4, '0') || lpad((mod(n, 10) + 1)::text, 4, '0'), 2, 0,
       'Box ' || n, 'box-' || n, '', '', true, true, false
FROM generate_series(0, 99) AS n;

INSERT INTO catalogue_product (id, structure, upc, title, slug, description, date_created, date_updated,
                               is_discountable, is_public, priority, product_class_id)
OVERRIDING SYSTEM VALUE
SELECT 1000 + n, 'standalone', 'bench-' || n, 'Thing ' || n, 'thing-' || n, '', now(), now(), true, true, 0, 1000
FROM generate_series(0, 999) AS n;

INSERT INTO catalogue_productcategory (product_id, category_id)
SELECT 1000 + n, 1010 + mod(n, 100) FROM generate_series(0, 999) AS n;

INSERT INTO auth_user (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active,
                       date_joined)
OVERRIDING SYSTEM VALUE
SELECT 1000 + n, '!', false, 'member-' || n, 'Ada', 'Member', 'member-' || n || '@example.com', false, true,
       timestamptz '2023-01-01 00:00+00' + n * interval '1 second'
FROM generate_series(0, %(orders)s / 8 - 1) AS n;

INSERT INTO order_shippingaddress (id, title, first_name, last_name, line1, line2, line3, line4, state, postcode,
                                   search_text, phone_number, notes, country_id)
OVERRIDING SYSTEM VALUE
SELECT 1000 + n, '', 'Ada', 'Buyer', '1 Example Street', '', '', 'Exampletown', '', '12345', '', '', '', 'DE'
FROM generate_series(0, %(orders)s - 1) AS n;

INSERT INTO order_order (id, number, currency, total_incl_tax, total_excl_tax, shipping_incl_tax, shipping_excl_tax,
                         shipping_method, shipping_code, status, guest_email, date_placed, shipping_address_id,
                         site_id, user_id, analytics_tracked)
OVERRIDING SYSTEM VALUE
SELECT 1000 + n, 'B' || n, 'EUR', 0, 0, 4.90, 4.90, 'Post', 'post',
       CASE WHEN luck < 0.03 THEN 'Cancelled' WHEN luck < 0.06 THEN 'Shipped' ELSE 'Complete' END,
       CASE WHEN who >= %(orders)s / 8 THEN 'guest-' || who || '@example.com' ELSE '' END,
       timestamptz '2023-01-02 00:00+00' + n * (interval '1090 days' / %(orders)s), 1000 + n, 1,
       CASE WHEN who < %(orders)s / 8 THEN 1000 + who END, true
FROM (SELECT n, random() AS luck, floor(random() * (%(orders)s / 4))::int AS who
      FROM generate_series(0, %(orders)s - 1) AS n) AS placed;

-- two and a half lines an order
INSERT INTO order_line (partner_name, partner_sku, partner_line_reference, partner_line_notes, title, upc, quantity,
                        line_price_incl_tax, line_price_excl_tax, line_price_before_discounts_incl_tax,
                        line_price_before_discounts_excl_tax, unit_price_incl_tax, unit_price_excl_tax, status,
                        order_id, product_id, allocation_cancelled, num_allocated)
SELECT 'Workshop', 'sku-' || thing, '', '', 'Thing ' || thing, 'bench-' || thing, many, many * price, many * price,
       many * price, many * price, price, price, '', 1000 + n, 1000 + thing, false, 0
FROM (SELECT n, floor(random() * 1000)::int AS thing, 1 + floor(random() * 2)::int AS many,
             round((5 + random() * 45)::numeric, 2) AS price
      FROM generate_series(0, %(orders)s - 1) AS n, generate_series(1, 1 + mod(n, 4)) AS line) AS bought;

UPDATE order_order SET total_incl_tax = bought.total + 4.90, total_excl_tax = bought.total + 4.90
FROM (SELECT order_id, sum(line_price_incl_tax) AS total FROM order_line GROUP BY order_id) AS bought
WHERE bought.order_id = order_order.id;

INSERT INTO order_orderstatuschange (old_status, new_status, date_created, order_id)
SELECT step.old, step.new, date_placed + step.after, order_order.id
FROM order_order
JOIN (VALUES ('Complete', 'Pending', 'Being processed', interval '1 hour'),
             ('Complete', 'Being processed', 'Shipped', interval '1 day'),
             ('Complete', 'Shipped', 'Complete', interval '4 days'),
             ('Shipped', 'Pending', 'Being processed', interval '1 hour'),
             ('Shipped', 'Being processed', 'Shipped', interval '1 day'),
             ('Cancelled', 'Pending', 'Cancelled', interval '1 hour')) AS step (status, old, new, after)
USING (status)
ORDER BY order_order.id, step.after;

-- one in thirty gives something back
INSERT INTO order_paymenteventtype (id, name, code) OVERRIDING SYSTEM VALUE VALUES (1000, 'Refunded', 'bench-refunded');
INSERT INTO order_paymentevent (amount, reference, date_created, event_type_id, order_id)
SELECT round(total_incl_tax / 2, 2), '', date_placed + interval '20 days', 1000, id
FROM order_order WHERE mod(id, 30) = 0;

-- one in ten used a voucher
INSERT INTO voucher_voucher (id, name, code, usage, start_datetime, end_datetime, num_basket_additions, num_orders,
                             total_discount, date_created)
OVERRIDING SYSTEM VALUE
SELECT id, 'bench ' || id, 'BENCH' || id, 'Single use', date_placed, date_placed + interval '30 days', 1, 1, 5,
       date_placed
FROM order_order WHERE mod(id, 10) = 0;
INSERT INTO voucher_voucherapplication (date_created, order_id, user_id, voucher_id)
SELECT date_placed, id, user_id, id FROM order_order WHERE mod(id, 10) = 0;
INSERT INTO order_orderdiscount (category, offer_name, voucher_id, voucher_code, frequency, amount, message, order_id)
SELECT 'Basket', 'bench', id, 'BENCH' || id, 1, 5, '', id FROM order_order WHERE mod(id, 10) = 0;
