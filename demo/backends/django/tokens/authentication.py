from rest_framework_simplejwt.authentication import JWTAuthentication


class BearerAuthentication(JWTAuthentication):
    """Names the error in the challenge, as RFC 6750 asks, if a token was sent."""

    def authenticate_header(self, request):
        challenge = super().authenticate_header(request)
        return f'{challenge}, error="invalid_token"' if self.get_header(request) else challenge
