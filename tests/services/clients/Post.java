// `java Post.java PORT PREFIX COUNT`: bids one after the other, each body only once it is wanted.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

public class Post {
    public static void main(String[] arguments) throws Exception {
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        for (int number = 0; number < Integer.parseInt(arguments[2]); number++) {
            String id = arguments[1] + "-" + number;
            String body = "{\"id\":\"" + id + "\",\"imp\":[{\"id\":\"1\",\"banner\":{}}]}";
            HttpRequest request =
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + arguments[0] + "/bid"))
                    .timeout(Duration.ofSeconds(20))
                    .expectContinue(true)
                    .POST(HttpRequest.BodyPublishers.ofString(body))
                    .build();
            System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode());
        }
    }
}
