
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='SharedOffer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(editable=False, max_length=64, unique=True)),
                ('reference', models.CharField(db_index=True, max_length=128, verbose_name='offer')),
                ('currency', models.CharField(blank=True, max_length=3, verbose_name='currency')),
                ('minimum', models.DecimalField(blank=True, decimal_places=2, max_digits=12, null=True, verbose_name='minimum')),
                ('offer_id', models.BigIntegerField(verbose_name="Oscar's offer")),
                ('condition_id', models.BigIntegerField(db_index=True, verbose_name="Oscar's condition")),
                ('benefit_id', models.BigIntegerField(verbose_name="Oscar's benefit")),
                ('range_id', models.BigIntegerField(blank=True, null=True, verbose_name="Oscar's range")),
            ],
            options={
                'verbose_name': 'offer in Oscar',
                'verbose_name_plural': 'offers in Oscar',
            },
        ),
        migrations.CreateModel(
            name='CouponTerms',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=128, unique=True, verbose_name='code')),
                ('owner_key', models.CharField(blank=True, max_length=64, verbose_name='owner, hashed')),
                ('user_id', models.BigIntegerField(blank=True, null=True, verbose_name='user')),
                ('uses', models.PositiveIntegerField(default=1, verbose_name='uses')),
                ('shared', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='coupons', to='retention_oscar.sharedoffer', verbose_name='offer')),
            ],
            options={
                'verbose_name': 'terms of a coupon',
                'verbose_name_plural': 'terms of coupons',
            },
        ),
    ]
