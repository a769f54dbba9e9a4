import uuid

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.CreateModel(
            name="Session",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("expires_at", models.DateTimeField()),
                ("ended", models.BooleanField(default=False)),
                ("user", models.ForeignKey(on_delete=models.CASCADE, to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name="RefreshToken",
            fields=[
                ("hash", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("used_at", models.DateTimeField(null=True)),
                ("session", models.ForeignKey(on_delete=models.CASCADE, to="tokens.session")),
            ],
        ),
    ]
